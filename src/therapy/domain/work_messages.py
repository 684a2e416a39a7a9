"""What therapists read about work on a session that took too long, stopped, or found nothing.

Part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

WORK_TEXTS: dict[str, Texts] = {
    "not_offered": (
        "This is not available here.",
        "האפשרות הזו אינה זמינה כאן.",
        "Go on without it; where there are no links to a file, fetch the file itself with the access token.",
        "יש להסתדר בלעדיה: קובץ שאין אליו קישורים אפשר להוריד עם אסימון הגישה.",
    ),
    "not_failed": (
        "The session has not failed, so there is nothing to retry.",
        "לא הייתה תקלה בפגישה, ולכן אין מה לנסות שוב.",
        "Look at its state, which says how far it is.",
        "יש לבדוק את מצבה, שמראה כמה כבר נעשה.",
    ),
    "lease_lost": (
        "Another worker has taken this over.",
        "העיבוד עבר לידיים אחרות.",
        "Look at the session's state, then try again if that is still wanted.",
        "יש לבדוק את מצב הפגישה, ולנסות שוב אם עדיין צריך.",
    ),
    "recording_missing": (
        "The recording of this session is no longer here.",
        "ההקלטה של הפגישה הזו כבר אינה כאן.",
        "Tell whoever runs the system: it may be in a backup. Sent again as it was, it takes its place.",
        "יש לפנות למפעיל המערכת: ייתכן שהיא נמצאת בגיבוי. אם תישלח שוב כפי שהייתה, היא תחזור למקומה.",
    ),
    "worker_died": (
        "Processing this recording stopped unexpectedly several times.",
        "העיבוד של ההקלטה נעצר באופן לא צפוי, מספר פעמים.",
        "Try again; if it keeps happening, tell whoever runs the system. The recording is safe.",
        "אפשר לנסות שוב; אם זה נמשך, יש לפנות למפעיל המערכת. ההקלטה שמורה.",
    ),
    "timeout": (
        "Processing this recording took too long.",
        "העיבוד של ההקלטה ארך זמן רב מדי.",
        "Try again when the system is less busy; the recording is safe.",
        "אפשר לנסות שוב בשעה פחות עמוסה; ההקלטה שמורה.",
    ),
    "insights_failed": (
        "Key phrases, personal details and the summary could not be found.",
        "לא ניתן היה למצוא ביטויי מפתח, פרטים אישיים וסיכום.",
        "The transcript is complete; try again to look for them once more.",
        "התמלול שלם; אפשר לנסות שוב כדי לחפש אותם פעם נוספת.",
    ),
    "insights_timeout": (
        "Looking for key phrases, personal details and the summary took too long.",
        "חיפוש ביטויי המפתח, הפרטים האישיים והסיכום ארך זמן רב מדי.",
        "The transcript is complete; try again to look for them once more.",
        "התמלול שלם; אפשר לנסות שוב כדי לחפש אותם פעם נוספת.",
    ),
    "turned_off": (
        "This is turned off here, by a setting of whoever runs the system.",
        "האפשרות הזו כבויה כאן, לפי הגדרה של מי שמפעיל את המערכת.",
    ),
}
