"""What people read about uploads: why one is refused, and what was made of one that could not be read whole.

Part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

Texts = tuple[str, str] | tuple[str, str, str, str]
"""A sentence in English and Hebrew, and, if there is something to do, the advice in both."""

UPLOAD_TEXTS: dict[str, Texts] = {
    "empty_file": (
        "The recording is empty.",
        "ההקלטה ריקה.",
        "Check that the recording plays, then send it again.",
        "יש לוודא שאפשר להשמיע את ההקלטה ולשלוח אותה שוב.",
    ),
    "too_long": (
        "This recording is longer than {longest}, which is as long as a session's recordings may be in all.",
        "ההקלטה ארוכה מ-{longest}, האורך המרבי של כל ההקלטות בפגישה.",
        "Cut it into shorter ones and send each as a session of its own.",
        "יש לחלק אותה להקלטות קצרות יותר ולשלוח כל אחת כפגישה נפרדת.",
    ),
    "checks_busy": (
        "Too many recordings are being checked right now.",
        "יותר מדי הקלטות נבדקות כרגע.",
        "Keep the recording and send it again in a minute.",
        "יש לשמור את ההקלטה ולשלוח אותה שוב בעוד דקה.",
    ),
    "unsupported_sound": (
        "This is {format} sound, which cannot be read here.",
        "הקול בקובץ הוא {format}, סוג שלא ניתן לקרוא כאן.",
        "Send WAV, M4A, MP3, OGG, WebM or FLAC audio.",
        "יש לשלוח קובץ שמע מסוג WAV, M4A, MP3, OGG, WebM או FLAC.",
    ),
    "unsupported_audio": (
        "This is {format}, not a recording that can be read.",
        "זהו {format}, לא הקלטה שניתן לקרוא.",
        "Send WAV, M4A, MP3, OGG, WebM or FLAC audio.",
        "יש לשלוח קובץ שמע מסוג WAV, M4A, MP3, OGG, WebM או FLAC.",
    ),
    "malformed_multipart": (
        "The upload is broken or incomplete.",
        "ההעלאה פגומה או חלקית.",
        "Send the recording again.",
        "יש לשלוח את ההקלטה שוב.",
    ),
    "implausible_year": (
        "The year of the field {field} is too far in the past or the future.",
        "השנה בשדה {field} רחוקה מדי בעבר או בעתיד.",
        "Write a date of the Gregorian calendar with a plausible year, for example 31-01-2026.",
        "יש לכתוב את השנה הלועזית, למשל 31-01-2026.",
    ),
    "compressed_body": (
        "The request is compressed; compressed requests are not read here.",
        "הבקשה דחוסה; בקשות דחוסות אינן נקראות כאן.",
        "Send it as it is, without Content-Encoding.",
        "יש לשלוח אותה כמות שהיא, ללא Content-Encoding.",
    ),
    "compressed_audio": (
        "This file is compressed with gzip; it is not a recording as it is.",
        "הקובץ דחוס ב-gzip; במצב זה הוא אינו הקלטה.",
        "Unpack it and send the recording itself.",
        "יש לפרוס אותו ולשלוח את ההקלטה עצמה.",
    ),
    "other_patient": (
        "The session that this recording continues is another patient's.",
        "הפגישה שההקלטה ממשיכה שייכת למטופל אחר.",
        "Check which session the recording belongs to.",
        "יש לבדוק לאיזו פגישה ההקלטה שייכת.",
    ),
    "too_late_to_continue": (
        "The session that this recording continues is submitted or cancelled already.",
        "הפגישה שההקלטה ממשיכה כבר הוגשה או בוטלה.",
        "Send the recording as a session of its own.",
        "יש לשלוח את ההקלטה כפגישה נפרדת.",
    ),
    "too_many_recordings": (
        "The session already consists of as many recordings as it can.",
        "הפגישה כבר כוללת את מספר ההקלטות המרבי.",
        "Send the recording as a session of its own.",
        "יש לשלוח את ההקלטה כפגישה נפרדת.",
    ),
    # Hints about a session.
    "session_date_assumed": (
        "The day that came with the recording could not be read; the day of the upload was taken.",
        "לא ניתן היה לקרוא את התאריך שנשלח עם ההקלטה; נרשם יום ההעלאה.",
        "Check the day of the session and correct it.",
        "יש לבדוק את תאריך הפגישה ולתקן אותו.",
    ),
    "note_time_unread": (
        "The time of a note could not be read; the note is among the general notes.",
        "לא ניתן היה לקרוא את הזמן של הערה; ההערה נמצאת בין ההערות הכלליות.",
        "Move the note to its time if it matters.",
        "אפשר להעביר את ההערה לזמן הנכון.",
    ),
    "patient_number_completed": (
        "The patient's number lacks leading zeros; with them there is an account with that number.",
        "במספר המטופל חסרים אפסים בתחילתו; איתם קיים חשבון עם מספר זה.",
        "Compare the names, then confirm who the patient is, with all nine digits of the number.",
        "יש להשוות את השמות ואז לאשר מי המטופל, עם כל תשע הספרות של המספר.",
    ),
    "patient_number_unlikely": (
        "The patient's number does not have nine digits.",
        "במספר המטופל אין תשע ספרות.",
        "Compare it with the patient's and correct it: no account is found by it.",
        "יש להשוות אותו למספר של המטופל ולתקן: לא נמצא לפיו שום חשבון.",
    ),
    "patient_link_undone": (
        "The link to a patient's account was undone: no patient can read this session.",
        "הקישור לחשבון המטופל בוטל: אף מטופל אינו יכול לקרוא את הפגישה.",
        "Confirm who the patient is; until then nothing links the session to an account.",
        "יש לאשר מי המטופל; עד אז הפגישה לא תקושר לשום חשבון.",
    ),
    "speakers_to_assign": (
        "It is not clear who is the therapist and who is the patient: every line is Unknown, none is scored.",
        "לא ברור מי המטפל ומי המטופל: הדובר בכל השורות אינו ידוע, ואף שורה לא קיבלה ציון.",
        "Assign the speakers before you submit the transcript.",
        "יש לקבוע מי הדוברים לפני הגשת התמליל.",
    ),
    "date_of_birth_unread": (
        "The patient's date of birth could not be read and was left out.",
        "לא ניתן היה לקרוא את תאריך הלידה של המטופל, והוא הושמט.",
        "Enter it again if it is needed.",
        "אפשר להזין אותו שוב במידת הצורך.",
    ),
}
