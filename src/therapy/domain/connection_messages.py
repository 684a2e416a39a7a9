"""What clients read about their connection: bounded heads, slow bodies, too many connections, a stop."""

from therapy.domain.upload_messages import Texts

CONNECTION_TEXTS: dict[str, Texts] = {
    "head_too_large": (
        "The head of the request is larger than allowed.",
        "ראש הבקשה גדול מהמותר.",
        "Send a shorter address and fewer or shorter headers.",
        "יש לשלוח כתובת קצרה יותר ופחות כותרות, או כותרות קצרות יותר.",
    ),
    "upgrade_with_body": (
        "The request offers to change to another protocol, and has a body.",
        "הבקשה מציעה לעבור לפרוטוקול אחר, ויש לה גוף.",
        "Send it with HTTP/1.1 and without the header Upgrade.",
        "יש לשלוח אותה ב-HTTP/1.1 וללא הכותרת Upgrade.",
    ),
    "request_timeout": (
        "The request did not arrive in time.",
        "הבקשה לא הגיעה בזמן.",
        "Send it again on a new connection, without pauses.",
        "יש לשלוח אותה שוב בחיבור חדש, ללא הפסקות.",
    ),
    "too_many_connections": (
        "There are too many connections right now.",
        "יש כרגע יותר מדי חיבורים.",
        "Close connections that are not needed, then try again in a moment.",
        "יש לסגור חיבורים שאין בהם צורך ולנסות שוב בעוד רגע.",
    ),
    "stopping": (
        "The service is being restarted.",
        "השירות מופעל מחדש.",
        "Send it again in a moment; this request changed nothing that was not confirmed.",
        "יש לשלוח שוב בעוד רגע; הבקשה הזו לא שינתה דבר שלא אושר.",
    ),
}
"""By code, as in `therapy.domain.messages`."""
