"""What people read when a limit is reached: on what one person may have under way, or on paid tries.

Part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

LIMIT_TEXTS: dict[str, Texts] = {
    "too_much_at_once": (
        "Too much of yours is under way at once.",
        "יותר מדי פעולות שלך מתבצעות בבת אחת.",
        "Wait until some of it is done, then try again.",
        "יש להמתין עד שחלקן יסתיים ולנסות שוב.",
    ),
    "idempotency_key": (
        "The header Idempotency-Key is not valid.",
        "הכותרת Idempotency-Key אינה תקינה.",
        "Send 1 to 200 visible ASCII characters, such as a random UUID, or leave the header out.",
        "יש לשלוח 1 עד 200 תווי ASCII נראים, למשל UUID אקראי, או להשמיט את הכותרת.",
    ),
    "idempotency_key_reused": (
        "This Idempotency-Key was used for another request, so nothing was done.",
        "ה-Idempotency-Key הזה כבר שימש לבקשה אחרת, ולכן דבר לא בוצע.",
        "Use a new key for each new request; with an old one, send exactly the request of before.",
        "יש להשתמש במפתח חדש לכל בקשה חדשה; עם מפתח קודם יש לשלוח בדיוק את הבקשה הקודמת.",
    ),
    "request_under_way": (
        "This request is being worked on already.",
        "הבקשה הזו כבר בטיפול.",
        "Wait a moment, then send it again with the same Idempotency-Key to get its answer.",
        "יש להמתין רגע ולשלוח אותה שוב עם אותו Idempotency-Key כדי לקבל את התשובה.",
    ),
    "too_many_waiting": (
        "Too many of your recordings are waiting to be transcribed.",
        "יותר מדי הקלטות שלך ממתינות לתמלול.",
        "Keep the recording and send it again once some of them are ready for review.",
        "יש לשמור את ההקלטה ולשלוח אותה שוב כשחלק מהן יהיו מוכנות לסקירה.",
    ),
    "waiting_busy": (
        "Too many recordings are waiting to be transcribed.",
        "יותר מדי הקלטות ממתינות לתמלול.",
        "Keep the recording and send it again later.",
        "יש לשמור את ההקלטה ולשלוח אותה שוב מאוחר יותר.",
    ),
    "too_many_uploads": (
        "Too many of your recordings are being sent at once.",
        "יותר מדי הקלטות שלך נשלחות בבת אחת.",
        "Keep the recording and send it again once another one has arrived.",
        "יש לשמור את ההקלטה ולשלוח אותה שוב לאחר שאחרת תתקבל.",
    ),
    "too_many_unfinished": (
        "Too many of your uploads are begun and not finished.",
        "יותר מדי העלאות שלך התחילו ולא הסתיימו.",
        "Finish some of them or delete them; GET /uploads lists them.",
        "יש לסיים חלק מהן או למחוק אותן; GET /uploads מציג אותן.",
    ),
    "uploads_busy": (
        "Too many recordings are arriving right now.",
        "יותר מדי הקלטות מתקבלות ברגע זה.",
        "Keep the recording and send it again in a minute.",
        "יש לשמור את ההקלטה ולשלוח אותה שוב בעוד דקה.",
    ),
    "daily_bytes": (
        "More than {limit} of your recordings were sent today.",
        "היום נשלחו יותר מ-{limit} של הקלטות שלך.",
        "Keep the recording and send it again tomorrow.",
        "יש לשמור את ההקלטה ולשלוח אותה שוב מחר.",
    ),
    "too_many_searches": (
        "Too many of your searches are under way at once.",
        "יותר מדי חיפושים שלך מתבצעים בבת אחת.",
        "Wait a moment, then search again.",
        "יש להמתין רגע ולחפש שוב.",
    ),
    "searches_busy": (
        "Too many people are searching right now.",
        "יותר מדי אנשים מחפשים ברגע זה.",
        "Wait a moment, then search again.",
        "יש להמתין רגע ולחפש שוב.",
    ),
    "too_many_streams": (
        "Too many of your windows follow sessions at once.",
        "יותר מדי חלונות שלך עוקבים אחרי פגישות בבת אחת.",
        "Close some of them; one stream at /events tells of all sessions.",
        "יש לסגור חלק מהם; זרם אחד בכתובת ‎/events מספר על כל הפגישות.",
    ),
    "streams_busy": (
        "Too many people follow sessions right now.",
        "יותר מדי אנשים עוקבים אחרי פגישות ברגע זה.",
        "Ask for the session itself now and then, and follow it again later.",
        "יש לבקש מדי פעם את הפגישה עצמה, ולעקוב אחריה שוב מאוחר יותר.",
    ),
    "last_event_id": (
        "This Last-Event-ID is of another stream, or of a time that has not come.",
        "ה-Last-Event-ID הזה שייך לזרם אחר, או לזמן שעוד לא הגיע.",
        "Open the stream again without Last-Event-ID: it begins with how everything is now.",
        "יש לפתוח את הזרם שוב בלי Last-Event-ID: הוא מתחיל במצב הנוכחי של הכול.",
    ),
    "too_many_bodies": (
        "Too many of your long requests are under way at once.",
        "יותר מדי בקשות ארוכות שלך מתבצעות בבת אחת.",
        "Wait a moment, then send it again.",
        "יש להמתין רגע ולשלוח שוב.",
    ),
    "bodies_busy": (
        "Too many long requests are under way right now.",
        "יותר מדי בקשות ארוכות מתבצעות ברגע זה.",
        "Wait a moment, then send it again.",
        "יש להמתין רגע ולשלוח שוב.",
    ),
    "search_too_slow": (
        "This search takes too long.",
        "החיפוש הזה נמשך זמן רב מדי.",
        "Search for a whole name or a longer word.",
        "יש לחפש שם מלא או מילה ארוכה יותר.",
    ),
    "paid_tries": (
        "The speech service took this recording more than once and sent no transcript; each try costs money.",
        "שירות הדיבור קיבל את ההקלטה יותר מפעם אחת ולא החזיר תמלול; כל ניסיון עלול לעלות כסף.",
        "Retry it once more; if it fails again, tell whoever runs the system. The recording is safe.",
        "אפשר לנסות שוב פעם אחת; אם זה נכשל שוב, יש לפנות למפעיל המערכת. ההקלטה שמורה.",
    ),
    "several_languages": (
        "Several languages are spoken in this recording, and the speech service takes only one.",
        "בהקלטה נשמעות כמה שפות, ושירות הדיבור מקבל רק אחת.",
        "Retry it with the language that is spoken most; the recording is safe.",
        "יש לנסות שוב עם השפה שמדברים בה יותר; ההקלטה שמורה.",
    ),
    "too_large_for_fast": (
        "This recording is larger than the speech service takes at once.",
        "ההקלטה גדולה ממה ששירות הדיבור מקבל בבת אחת.",
        "Cut it into shorter ones and send each as a session of its own.",
        "יש לחלק אותה להקלטות קצרות יותר ולשלוח כל אחת כפגישה נפרדת.",
    ),
}
