"""What people read about uploads that can be resumed: why a request is refused, and how to go on.

`RESUMABLE_TEXTS` is part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

RESUMABLE_TEXTS: dict[str, Texts] = {
    "past_upload_length": (
        "More was sent than the recording has left.",
        "נשלחו יותר בתים ממה שחסר בהקלטה.",
        "Ask with HEAD how much is there, and send only the rest; an upload that this began: begin it anew.",
        "יש לבדוק עם HEAD כמה הגיע ולשלוח רק את השאר; העלאה שהתחילה בבקשה הזו יש להתחיל מחדש.",
    ),
    "upload_offset": (
        "The upload is at another place: {offset} bytes of it are here.",
        "ההעלאה נמצאת במקום אחר: {offset} בתים שלה נמצאים כאן.",
        "Ask with HEAD how much is there, then go on from there.",
        "יש לבדוק עם HEAD כמה הגיע ולהמשיך משם.",
    ),
    "offset_content_type": (
        "The body is no piece of a recording: its Content-Type is another one.",
        "הגוף אינו חלק של הקלטה: ה-Content-Type שלו אחר.",
        "Send the bytes with Content-Type: application/offset+octet-stream.",
        "יש לשלוח את הבתים עם Content-Type: application/offset+octet-stream.",
    ),
    "upload_expired": (
        "Nothing came of this upload for too long; it is removed.",
        "ההעלאה לא המשיכה זמן רב מדי, והיא הוסרה.",
        "Begin another upload and send the recording from its start.",
        "יש להתחיל העלאה חדשה ולשלוח את ההקלטה מההתחלה.",
    ),
    "upload_lost": (
        "The bytes that were sent of this upload are no longer here; it is removed.",
        "הבתים שנשלחו בהעלאה הזו כבר אינם כאן, והיא הוסרה.",
        "Begin another upload and send the recording from its start.",
        "יש להתחיל העלאה חדשה ולשלוח את ההקלטה מההתחלה.",
    ),
    "metadata_differs": (
        "Something else is already known about this recording; nothing was changed.",
        "על ההקלטה הזו כבר נמסרו פרטים אחרים; דבר לא השתנה.",
        "Correct the session's details once it is there, or delete the upload and begin another one.",
        "אפשר לתקן את פרטי הפגישה לאחר שתיווצר, או למחוק את ההעלאה ולהתחיל חדשה.",
    ),
    "no_session_to_continue": (
        "You have no session with the id in continues.",
        "אין לך פגישה עם ה-id שבשדה continues.",
        "Send the id of a session of yours that is not submitted yet, or leave continues out.",
        "יש לשלוח id של פגישה שלך שטרם הוגשה, או להשמיט את continues.",
    ),
    "checksum_mismatch": (
        "The bytes changed on their way; none of them was taken.",
        "הבתים השתנו בדרך; אף אחד מהם לא נקלט.",
        "Send the same part again.",
        "יש לשלוח את אותו החלק שוב.",
    ),
    "checksum_algorithm": (
        "The checksum is of a kind that is not known here, or can't be read.",
        "סיכום הביקורת מסוג שאינו מוכר כאן, או שאינו קריא.",
        "Send sha1 or sha256, a space and the checksum in base64, or leave it out.",
        "יש לשלוח sha1 או sha256, רווח ואת הסיכום ב-base64, או להשמיט אותו.",
    ),
    "tus_version": (
        "This is not a request of tus 1.0.0.",
        "הבקשה אינה בקשה של tus 1.0.0.",
        "Send the header Tus-Resumable: 1.0.0.",
        "יש לשלוח את הכותרת Tus-Resumable: 1.0.0.",
    ),
}
