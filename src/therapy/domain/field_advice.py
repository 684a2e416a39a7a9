"""What people read about a field that is missing or not valid: what to send in it, in English and Hebrew.

Errors name fields as they are in requests; `messages.advice` looks them up here.
"""

FIELD_ADVICE: dict[str, tuple[str, str]] = {
    "audio_file": (
        "Send the recording as a file, in the part audio_file of a multipart/form-data body.",
        "יש לשלוח את ההקלטה כקובץ בחלק audio_file של גוף מסוג multipart/form-data.",
    ),
    "metadata": (
        "Send a JSON object as metadata; it needs patient, with id and name, and session_date.",
        "יש לשלוח אובייקט JSON בתור metadata; נדרשים בו patient, עם id ו-name, וכן session_date.",
    ),
    "patient": (
        "Send the patient as an object with id and name.",
        "יש לשלוח את המטופל כאובייקט עם id ו-name.",
    ),
    "patient.id": (
        'Send the patient\'s nine-digit number as a text, for example "300000015".',
        'יש לשלוח את מספר המטופל, תשע ספרות, כטקסט, למשל "300000015".',
    ),
    "patient.name": (
        "Send the patient's full name as a text of at most 200 characters.",
        "יש לשלוח את השם המלא של המטופל כטקסט של עד 200 תווים.",
    ),
    "session_date": (
        'Send the day of the session as a text, for example "2026-01-31".',
        'יש לשלוח את יום הפגישה כטקסט, למשל "2026-01-31".',
    ),
    "therapist": (
        "Leave it out: whoever is signed in is the therapist. Or send an object with your own id.",
        "אפשר להשמיט את השדה: המטפל הוא מי שמחובר. או לשלוח אובייקט עם ה-id של המחובר.",
    ),
    "summary": (
        "Send a text of at most 20,000 characters, or leave it out.",
        "יש לשלוח טקסט של עד 20,000 תווים, או להשמיט את השדה.",
    ),
    "general_notes": (
        'Send a list of at most 2,000 texts, or of objects such as {"content": "…"}.',
        'יש לשלוח רשימה של עד 2,000 טקסטים, או אובייקטים כמו {"content": "…"}.',
    ),
    "timed_notes": (
        'Send a list of at most 2,000 objects such as {"timestamp": "00:09", "content": "…"}.',
        'יש לשלוח רשימה של עד 2,000 אובייקטים כמו {"timestamp": "00:09", "content": "…"}.',
    ),
    "languages": (
        'Send a list of at most four tags, for example ["he-IL", "en-US"], or leave it out.',
        'יש לשלוח רשימה של עד ארבע תגיות, למשל ["he-IL", "en-US"], או להשמיט את השדה.',
    ),
    "people": (
        "Send how many people speak as a number from 1 to 6, or leave it out.",
        "יש לשלוח את מספר הדוברים כמספר מ-1 עד 6, או להשמיט את השדה.",
    ),
    "continues": (
        "Send the id of the session that this recording continues, or leave it out.",
        "יש לשלוח את ה-id של הפגישה שההקלטה ממשיכה, או להשמיט את השדה.",
    ),
    "Upload-Offset": (
        "Send the Upload-Offset that HEAD answers: a whole number of bytes, 0 at first.",
        "יש לשלוח את ה-Upload-Offset שמוחזר מ-HEAD: מספר שלם של בתים, בהתחלה 0.",
    ),
    "Upload-Length": (
        "Send the recording's whole length in bytes, the same each time; or Upload-Defer-Length: 1 at first.",
        "יש לשלוח את אורך ההקלטה כולה בבתים, תמיד אותו אורך; או בהתחלה Upload-Defer-Length: 1.",
    ),
    "Upload-Defer-Length": (
        "Send 1 if the length comes later, or Upload-Length; not both.",
        "יש לשלוח 1 אם האורך יבוא אחר כך, או Upload-Length; לא את שניהם.",
    ),
    "Upload-Metadata": (
        "Send each name once, with a space and its value in base64, and commas between them.",
        "יש לשלוח כל שם פעם אחת, רווח ואת ערכו ב-base64, ופסיקים ביניהם.",
    ),
    "find": (
        "Send what to look for as a text of 1 to 200 characters.",
        "יש לשלוח את מה שיש לחפש כטקסט של 1 עד 200 תווים.",
    ),
    "replace_with": (
        "Send what to put there as a text of at most 200 characters; it may be empty.",
        "יש לשלוח את מה שיבוא במקומו כטקסט של עד 200 תווים; הוא יכול להיות ריק.",
    ),
    "reason": (
        "Send the reason as a text of at most 1,000 characters.",
        "יש לשלוח את הסיבה כטקסט של עד 1,000 תווים.",
    ),
    "start_ms": (
        "Send the start in milliseconds as a whole number from 0 to 3,600,000,000.",
        "יש לשלוח את ההתחלה באלפיות שנייה כמספר שלם מ-0 עד 3,600,000,000.",
    ),
    "end_ms": (
        "Send the end in milliseconds as a whole number from 0 to 3,600,000,000, or leave it out.",
        "יש לשלוח את הסוף באלפיות שנייה כמספר שלם מ-0 עד 3,600,000,000, או להשמיט אותו.",
    ),
}
"""What to send in a field that is missing or not valid, in English and Hebrew."""

ANY_FIELD = (
    "What each field holds is described at /schema, with an example.",
    "מה מכיל כל שדה מתואר בכתובת /schema, עם דוגמה.",
)
"""The same for fields of other requests."""
