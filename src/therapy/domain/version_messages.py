"""What people read about versions of a transcript: why an edit is refused, and how to go on.

`VERSION_TEXTS` is part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

VERSION_TEXTS: dict[str, Texts] = {
    "version_changed": (
        "The transcript was changed meanwhile: version {version} is in force. Nothing was changed.",
        "התמליל השתנה בינתיים: גרסה {version} היא הגרסה בתוקף. דבר לא השתנה.",
        "Put your changes into the version in force: send them with its ETag, or save your draft on it.",
        "יש להכניס את השינויים בגרסה שבתוקף: לשלוח אותם עם ה-ETag שלה, או לשמור את הטיוטה עם הגרסה כבסיס.",
    ),
    "precondition_required": (
        "The request does not say which version it changes.",
        "הבקשה לא אומרת איזו גרסה היא משנה.",
        "Send the ETag of what was edited in the header If-Match.",
        "יש לשלוח בכותרת If-Match את ה-ETag של מה שנערך.",
    ),
    "lines_out_of_order": (
        "The line at {field} begins before the one above it.",
        "השורה {field} מתחילה לפני השורה שמעליה.",
        "Send the lines in order of their start.",
        "יש לשלוח את השורות לפי סדר ההתחלה שלהן.",
    ),
    "equal_starts": (
        "The line at {field} begins at the same moment as the one above it.",
        "השורה {field} מתחילה באותו רגע כמו השורה שמעליה.",
        "Give each line a start of its own: it is the line's name.",
        "יש לתת לכל שורה זמן התחלה משלה: הוא שם השורה.",
    ),
    "ends_before_start": (
        "The line at {field} ends before it begins.",
        "השורה {field} מסתיימת לפני שהיא מתחילה.",
        "Send an end that is not before the start, or leave it out.",
        "יש לשלוח זמן סיום שאינו לפני ההתחלה, או להשמיט אותו.",
    ),
    "not_closed": (
        "The session is not closed, so there is nothing to amend.",
        "הפגישה אינה סגורה, ולכן אין מה לתקן בה בדיעבד.",
        "While it awaits review, submit the transcript; while it is being closed, wait until it is closed.",
        "כל עוד היא ממתינה לסקירה יש להגיש את התמליל; בזמן הסגירה יש להמתין עד שתיסגר.",
    ),
    "amendment_under_way": (
        "Another amendment, version {version}, is being scored. Nothing was changed.",
        "תיקון אחר, גרסה {version}, נמצא בעיבוד. דבר לא השתנה.",
        "Wait a moment, read the version that is in force then, and put your changes into it.",
        "יש להמתין רגע, לקרוא את הגרסה שתהיה אז בתוקף ולהכניס בה את השינויים.",
    ),
    "rerun_under_way": (
        "The recording is being recognised again already, with other languages or vocabulary.",
        "ההקלטה כבר מזוהה מחדש, בשפות אחרות או עם אוצר מילים אחר.",
        "Wait until that is done; the session says how far it is.",
        "יש להמתין עד שזה יסתיים; הפגישה מראה כמה כבר נעשה.",
    ),
    "engine_not_installed": (
        "No engine of that name is installed here, only: {engines}.",
        "אין כאן מנוע בשם הזה, אלא רק: {engines}.",
        "Name one that is installed, or leave the engine out.",
        "יש לציין מנוע שמותקן, או להשמיט את השדה.",
    ),
    "amendment_accepted": (
        "The amendment was received and is being scored.",
        "התיקון התקבל ונמצא בעיבוד.",
    ),
    "rerun_accepted": (
        "The recording will be recognised again.",
        "ההקלטה תזוהה מחדש.",
    ),
    "restored_reason": ("Version {version} was restored.", "גרסה {version} שוחזרה."),
    "too_many_lines": (
        "The field {field} has more than 20,000 lines.",
        "בשדה {field} יש יותר מ-20,000 שורות.",
        "Join short lines of the same speaker.",
        "יש לאחד שורות קצרות של אותו דובר.",
    ),
}
