"""What people read about playback: why there is no file to play, and why it could not be made.

Part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

PLAYBACK_TEXTS: dict[str, Texts] = {
    "playback_pending": (
        "The session's playback is not ready yet.",
        "ההשמעה של הפגישה עדיין לא מוכנה.",
        "It is made after the transcript: ask again in a minute.",
        "היא נוצרת אחרי התמלול: יש לבקש שוב בעוד דקה.",
    ),
    "playback_failed": (
        "The session's playback could not be made.",
        "לא ניתן היה ליצור את ההשמעה של הפגישה.",
        "Retry the session to have it made again. Unless the recording is missing, it can be downloaded.",
        "יש לנסות שוב את הפגישה כדי ליצור אותה מחדש. אם ההקלטה עצמה לא חסרה, ניתן להוריד אותה.",
    ),
    "playback_absent": (
        "The session has no playback.",
        "לפגישה אין השמעה.",
        "It is made once there is a transcript. Unless the recording is missing, it can be downloaded.",
        "היא נוצרת כשיש תמלול. אם ההקלטה עצמה לא חסרה, ניתן להוריד אותה.",
    ),
    "playback_not_offered": (
        "The decoder of this installation makes no playback.",
        "המפענח של התקנה זו אינו יוצר השמעה.",
        "Download the recording itself.",
        "יש להוריד את ההקלטה עצמה.",
    ),
}
