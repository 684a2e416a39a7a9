"""What people read: a plain sentence for every code, and what to do about it, in English and Hebrew.

Errors, failed runs, pushes and mails carry codes; only here do they become words. A detail without a
value gets a plain placeholder, so that no sentence ever shows a gap. The Hebrew avoids forms that
address a man or a woman.
"""

import re
from collections.abc import Mapping

from therapy.domain.connection_messages import CONNECTION_TEXTS
from therapy.domain.draft_messages import DRAFT_TEXTS
from therapy.domain.field_advice import ANY_FIELD, FIELD_ADVICE
from therapy.domain.language_names import named
from therapy.domain.limit_messages import LIMIT_TEXTS
from therapy.domain.playback_messages import PLAYBACK_TEXTS
from therapy.domain.preferred_language import language_of
from therapy.domain.resumable_messages import RESUMABLE_TEXTS
from therapy.domain.sign_in_messages import SIGN_IN_TEXTS
from therapy.domain.upload_messages import UPLOAD_TEXTS, Texts
from therapy.domain.version_messages import VERSION_TEXTS
from therapy.domain.vocabulary_messages import VOCABULARY_TEXTS
from therapy.domain.work_messages import WORK_TEXTS

TEXTS: dict[str, Texts] = {
    # Something is wrong with what was sent.
    "error": ("Something went wrong.", "משהו השתבש."),
    "invalid": ("The field {field} is not valid.", "השדה {field} אינו תקין."),
    "required": ("The field {field} is missing or empty.", "השדה {field} חסר או ריק."),
    "unknown_field": (
        "The field {field} is not known here, so nothing was changed.",
        "השדה {field} אינו מוכר כאן, ולכן דבר לא השתנה.",
    ),
    "unknown_parameter": (
        "The parameter {field} is not known here.",
        "הפרמטר {field} אינו מוכר כאן.",
        "Correct its name or leave it out: /schema says which there are.",
        "יש לתקן את שמו או להשמיט אותו: ב-/schema כתוב אילו פרמטרים קיימים.",
    ),
    "field_too_long": ("The field {field} is too long.", "השדה {field} ארוך מדי."),
    "date": (
        "The field {field} is not a valid date.",
        "השדה {field} אינו תאריך קיים.",
        "Write the date as 2026-01-31 (year-month-day) or 31-01-2026 (day-month-year).",
        "יש לכתוב את התאריך כ-2026-01-31 (שנה-חודש-יום) או כ-31-01-2026 (יום-חודש-שנה).",
    ),
    "languages": (
        "The field {field} is not a list of up to four language tags.",
        "השדה {field} אינו רשימה של עד ארבע שפות.",
        "Write each language as a tag, for example he-IL or en-US; name at most four.",
        "יש לכתוב שפות כתגיות, למשל he-IL ו-en-US.",
    ),
    "people": (
        "The field {field} is not a number of people from 1 to 6.",
        "השדה {field} אינו מספר אנשים מ-1 עד 6.",
        "Write how many people speak in the recording, or leave it out.",
        "יש לכתוב כמה אנשים מדברים בהקלטה, או להשמיט את השדה.",
    ),
    "timestamp": (
        "The field {field} is not a time in the recording.",
        "השדה {field} אינו זמן בהקלטה.",
        "Write the time as MM:SS, HH:MM:SS or HH:MM:SS.mmm.",
        "יש לכתוב את הזמן בצורה MM:SS, HH:MM:SS או HH:MM:SS.mmm.",
    ),
    "before": (
        "The field before is not a position in this list.",
        "השדה before אינו מקום ברשימה הזו.",
        "Send it exactly as the previous response contained it, or leave it out.",
        "יש לשלוח אותו בדיוק כפי שהתקבל בתשובה הקודמת, או להשמיט אותו.",
    ),
    "empty_transcript": (
        "A transcript with no lines cannot be submitted.",
        "אי אפשר להגיש תמלול ללא שורות.",
        "Keep at least one line. Only a session that awaits review can be cancelled instead.",
        "יש להשאיר לפחות שורה אחת. רק פגישה שממתינה לסקירה אפשר לבטל במקום זאת.",
    ),
    "patient_number": (
        "A patient number has exactly nine digits.",
        "מספר מטופל מורכב מתשע ספרות בדיוק.",
    ),
    "account_in_use": (
        "Sessions or uploads refer to this account, so it cannot be removed.",
        "פגישות או העלאות מפנות לחשבון הזה, ולכן לא ניתן להסיר אותו.",
        "Disable it instead (`therapy user disable`): nobody can sign in to it, and nothing is lost.",
        "אפשר להשבית אותו במקום זאת (`therapy user disable`): לא ניתן יהיה להתחבר אליו, ודבר לא יאבד.",
    ),
    "practice_name_taken": (
        "Another practice has this name.",
        "לקליניקה אחרת יש כבר שם זה.",
        "Choose another name: practices are told apart by it.",
        "יש לבחור שם אחר: לפיו מבחינים בין קליניקות.",
    ),
    "metadata": (
        "The details that came with the recording could not be read.",
        "לא ניתן לקרוא את הפרטים שנשלחו עם ההקלטה.",
    ),
    "malformed_request": (
        "The request could not be understood.",
        "לא ניתן להבין את הבקשה.",
        "Send it as HTTP/1.1, with a method, an address and headers that are well-formed.",
        "יש לשלוח אותה ב-HTTP/1.1, עם שיטה, כתובת וכותרות תקינות.",
    ),
    "malformed_json": (
        "The request is not valid JSON.",
        "הבקשה אינה JSON תקין.",
        "Send the body as JSON in UTF-8; /schema has an example of each.",
        "יש לשלוח את הגוף כ-JSON בקידוד UTF-8; בכתובת /schema יש דוגמה לכל אחד.",
    ),
    "unsupported_media_type": (
        "The content type of the request is not supported here.",
        "הבקשה נשלחה בסוג תוכן שאינו נתמך כאן.",
        "Send the recording as multipart/form-data, with the parts audio_file and metadata.",
        "יש לשלוח את ההקלטה כ-multipart/form-data, עם החלקים audio_file ו-metadata.",
    ),
    "method_not_allowed": (
        "This address does not support that method.",
        "הכתובת הזו אינה מאפשרת זאת.",
        "The methods that it supports are in the header Allow, and at /schema.",
        "השיטות שהיא מאפשרת מופיעות בכותרת Allow ובכתובת /schema.",
    ),
    "range": (
        "The recording does not have this part.",
        "אין בהקלטה קטע כזה.",
        "Ask for bytes that it has: the header Content-Range says how many there are.",
        "יש לבקש בתים שקיימים בה: הכותרת Content-Range אומרת כמה יש.",
    ),
    "too_large": (
        "The data you sent is larger than {limit}.",
        "מה שנשלח גדול מ-{limit}.",
        "Send no more than that.",
        "אין לשלוח יותר מזה.",
    ),
    # Who is asking, and for what.
    "forbidden": (
        "This account is not allowed to do that.",
        "החשבון הזה אינו רשאי לעשות זאת.",
        "Sign in with an account of the other kind, or ask whoever runs the system.",
        "יש להתחבר עם חשבון מהסוג האחר, או לפנות למפעיל המערכת.",
    ),
    "not_caller": (
        "You can do this only for your own account.",
        "ניתן לעשות זאת רק בחשבון האישי.",
        "Send the id of the account that is signed in, or sign in with the other one.",
        "יש לשלוח את ה-id של החשבון המחובר, או להתחבר עם החשבון האחר.",
    ),
    "other_therapist": (
        "The therapist in the details is not the one who is signed in.",
        "המטפל בפרטים אינו מי שמחובר כעת.",
        "Leave the therapist out, or sign in as the one who is named.",
        "אפשר להשמיט את המטפל, או להתחבר בשמו.",
    ),
    "not_found": (
        "This was not found.",
        "לא נמצא כאן דבר בשם הזה.",
        "Check the address and the id in it; what was erased or is someone else's is not found either.",
        "יש לבדוק את הכתובת ואת ה-id שבה. גם מה שנמחק ומה ששייך לאחרים אינו נמצא.",
    ),
    "not_registered": (
        "No device is registered.",
        "אין מכשיר רשום.",
        "There is nothing to do: this device gets no notifications.",
        "אין צורך לעשות דבר: המכשיר הזה אינו מקבל הודעות.",
    ),
    "too_many_requests": (
        "There were too many attempts.",
        "היו יותר מדי ניסיונות.",
        "Wait a little, then try again.",
        "יש להמתין מעט ולנסות שוב.",
    ),
    # The session is in another state.
    "wrong_state": (
        "The session is in another state by now, so this is not possible.",
        "הפגישה כבר נמצאת בשלב אחר, ולכן זה אינו אפשרי כעת.",
        "Reload the session and check its state.",
        "יש לטעון את הפגישה מחדש ולבדוק את מצבה.",
    ),
    "not_awaiting_review": (
        "The session is not waiting for review.",
        "הפגישה אינה ממתינה לסקירה.",
        "Look at its state: it can be reviewed from when it was transcribed until it is submitted.",
        "יש לבדוק את מצבה: אפשר לסקור אותה מרגע שתומללה ועד שהיא מוגשת.",
    ),
    "no_transcript": (
        "The session has no transcript yet.",
        "לפגישה אין עדיין תמלול.",
        "Look at its state: it has one once it awaits review.",
        "יש לבדוק את מצבה: יש לה תמלול כשהיא ממתינה לסקירה.",
    ),
    "too_late_to_change": (
        "The session was submitted, so it can no longer be changed or cancelled.",
        "הפגישה הוגשה, ולכן אי אפשר עוד לשנות או לבטל אותה.",
        "If its patient must not read it, undo the link to the patient.",
        "אם אסור שהמטופל יקרא אותה, יש לבטל את הקישור למטופל.",
    ),
    "already_exists": ("This already exists.", "זה כבר קיים."),
    "email_taken": (
        "There is already an account with this e-mail address.",
        "כבר קיים חשבון עם כתובת הדואר הזו.",
    ),
    "no_such_patient": (
        "There is no patient account with this number.",
        "אין חשבון מטופל עם המספר הזה.",
        "Send all nine digits, with leading zeros.",
        "יש לשלוח את כל תשע הספרות, כולל אפסים בתחילת המספר.",
    ),
    "number_taken": (
        "There is already a patient with this number.",
        "כבר קיים מטופל עם המספר הזה.",
    ),
    "duplicate_recording": (
        "This recording was already sent with different details, as session {session}.",
        "ההקלטה הזו כבר נשלחה עם פרטים אחרים; היא פגישה {session}.",
        "Correct the details of that session, or cancel it and send the recording again.",
        "יש לתקן את פרטי הפגישה ההיא, או לבטל אותה ולשלוח את ההקלטה שוב.",
    ),
    # Try again later.
    "unavailable": (
        "A part of the system cannot be reached right now.",
        "חלק מהמערכת אינו זמין כרגע.",
        "Try again in a moment; nothing was lost.",
        "אפשר לנסות שוב בעוד רגע; דבר לא אבד.",
    ),
    "storage_full": (
        "There is no room to store anything more right now.",
        "אין כרגע מקום לאחסן דבר נוסף.",
        "Keep what you have, such as a recording, and send it again later.",
        "יש לשמור את מה שברשותך, למשל הקלטה, ולשלוח שוב מאוחר יותר.",
    ),
    "stale": (
        "Someone else changed this in the meantime.",
        "מישהו אחר שינה זאת בינתיים.",
        "Reload it and make your change again.",
        "יש לטעון מחדש ולבצע את השינוי שוב.",
    ),
    "internal": (
        "Something went wrong on our side.",
        "משהו השתבש אצלנו.",
        "Try again; if it keeps happening, give the request id to whoever runs the system.",
        "אפשר לנסות שוב; אם זה נמשך, יש למסור למפעיל המערכת את מזהה הבקשה.",
    ),
    # Why work on a session failed.
    "decode": (
        "Nothing can be heard in this recording: it is damaged or was cut off.",
        "אי אפשר לשמוע דבר בהקלטה: היא פגומה או נקטעה.",
        "Check that it plays to the end, then send it again as a new recording.",
        "יש לוודא שההקלטה מושמעת עד סופה ולשלוח אותה שוב כהקלטה חדשה.",
    ),
    "too_demanding": (
        "Processing this recording took more memory or time than one recording may, or ended in a crash.",
        "העיבוד של ההקלטה דרש יותר זיכרון או זמן ממה שמותר להקלטה אחת, או קרס.",
        "Open it in an audio program, save it as a new WAV or M4A file and send that as a new recording.",
        "יש לפתוח אותה בתוכנת שמע, לשמור אותה כקובץ WAV או M4A חדש ולשלוח אותו כהקלטה חדשה.",
    ),
    "engine_failed": (
        "The recording could not be processed.",
        "עיבוד ההקלטה לא הצליח.",
        "Try again; the recording is safe.",
        "אפשר לנסות שוב; ההקלטה שמורה.",
    ),
    "model": (
        "The speech recogniser's model is missing or damaged.",
        "המודל של מזהה הדיבור חסר או פגום.",
        "Tell whoever runs the system, then try again; the recording is safe.",
        "יש לפנות למפעיל המערכת ואז לנסות שוב; ההקלטה שמורה.",
    ),
    "extra": (
        "A software component that this needs is not installed.",
        "רכיב תוכנה הדרוש לכך אינו מותקן.",
        "Tell whoever runs the system, then try again; the recording is safe.",
        "יש לפנות למפעיל המערכת ואז לנסות שוב; ההקלטה שמורה.",
    ),
    "language": (
        "This recording could not be understood in {languages}; it may be in {heard}.",
        "לא ניתן להבין את ההקלטה בשפה {languages}; ייתכן שהיא בשפה {heard}.",
        "Try again with the language that is spoken; if it can't be recognised here, ask whoever runs this.",
        "אפשר לנסות שוב עם השפה המדוברת; אם היא חסרה כאן, יש לבקש ממפעיל המערכת להתקין אותה.",
    ),
    "not_enough_memory": (
        "There is not enough memory right now; it is tried again.",
        "אין כרגע די זיכרון; המערכת תנסה שוב.",
    ),
    # Answers when all went well.
    "upload_accepted": (
        "The recording was received and is being transcribed.",
        "ההקלטה התקבלה והיא בתהליך תמלול.",
    ),
    "transcript_accepted": (
        "The transcript was received and the session is being finished.",
        "התמלול התקבל והפגישה בתהליך סיום.",
    ),
    "retry_accepted": (
        "Processing of this recording has started again.",
        "העיבוד של ההקלטה התחיל מחדש.",
    ),
    "cancelled": ("The session was cancelled.", "הפגישה בוטלה."),
    # Pushes and mails. A push has no placeholder, so that nothing about a person can slip in.
    "session_ready_title": ("Recording ready", "ההקלטה מוכנה"),
    "session_ready_body": ("A recording is ready for your review.", "הקלטה ממתינה לסקירה שלך."),
    "session_failed_title": ("Recording", "הקלטה"),
    "session_failed_body": ("A recording needs your attention.", "הקלטה זקוקה לתשומת לבך."),
    **SIGN_IN_TEXTS,
    **UPLOAD_TEXTS,
    **PLAYBACK_TEXTS,
    **RESUMABLE_TEXTS,
    **VERSION_TEXTS,
    **DRAFT_TEXTS,
    **VOCABULARY_TEXTS,
    **CONNECTION_TEXTS,
    **LIMIT_TEXTS,
    **WORK_TEXTS,
}

_PLACEHOLDERS = {
    "field": ("that was sent", "שנשלח"),
    "least": ("8", "8"),
    "most": ("500", "500"),
    "limit": ("the limit", "המותר"),
    "longest": ("the limit", "המותר"),
    "offset": ("other", "אחרים"),
    "start_ms": ("that many", "כמה"),
    "number": ("of that number", "במספר הזה"),
    "session": ("(id unknown)", "קיימת"),
    "version": ("another one", "אחרת"),
    "last": ("the last", "האחרונה"),
    "engines": ("another one", "אחר"),
    "token": ("(missing)", "(חסר)"),
    "minutes": ("a few", "כמה"),
    "format": ("a file of an unknown kind", "קובץ מסוג לא מוכר"),
    "no_sound": ("a file without sound", "קובץ ללא קול"),
    "languages": ("the language that was asked for", "שנבחרה"),
    "heard": ("another language, or unclear", "אחרת, או אינה ברורה"),
}
_OF_LANGUAGES = ("languages", "heard")
_LONGEST_DETAIL = 200


def sentence(code: str, language: str, **details: object) -> str:
    """Return the sentence for a code with its details filled in; an unknown code gets a general one.

    A `limit` that is an int is a number of bytes, and written as e.g. "4 MiB".
    """
    texts = TEXTS.get(code, TEXTS["error"])
    return texts[_column(language)].format_map(_words_for(details, language))


def advice(code: str, language: str, field: str = "") -> str:
    """Return what the reader can do about a code; "" if there is nothing to say.

    Where the code itself advises nothing, it is what to send in `field`, e.g. `general_notes[0].content`
    (or `lines[3].start_ms`: any field of that name), or where that is described.
    """
    texts = TEXTS.get(code, TEXTS["error"])
    if len(texts) > 2:
        return texts[2 + _column(language)]
    if not field:
        return ""
    outer, inner = re.split(r"[.[]", field, maxsplit=1)[0], field.rpartition(".")[2]
    known = (FIELD_ADVICE[each] for each in (field, inner, outer) if each in FIELD_ADVICE)
    return next(known, ANY_FIELD)[_column(language)]


def _column(language: str) -> int:
    return 1 if language_of(language) == "he" else 0


def _words_for(details: Mapping[str, object], language: str) -> dict[str, str]:
    column = _column(language)
    words = {name: placeholder[column] for name, placeholder in _PLACEHOLDERS.items()}
    for name, value in details.items():
        text = _size(value) if name == "limit" and isinstance(value, int) else str(value)
        text = words["no_sound"] if (name, text) == ("format", "no_sound") else text
        text = _duration(text, column) if name == "longest" and text.isdecimal() else text
        text = named(text, language_of(language)) if name in _OF_LANGUAGES else text
        shown = "".join(letter for letter in text if letter.isprintable())[:_LONGEST_DETAIL]
        if shown:
            words[name] = shown
    return words


def _duration(seconds: str, column: int) -> str:
    """Return seconds as e.g. "4 hours", "90 minutes"; always in the plural."""
    amount = int(seconds)
    units = ((3600, ("hours", "שעות")), (60, ("minutes", "דקות")), (1, ("seconds", "שניות")))
    size, words = next(
        (each for each in units if amount >= 2 * each[0] and not amount % each[0]), units[-1]
    )
    return f"{amount // size} {words[column]}"


def _size(amount: int) -> str:
    for name, unit in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if amount >= unit:
            return f"{amount / unit:.4g} {name}"
    return f"{amount} B"
