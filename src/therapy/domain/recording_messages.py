"""What people read about a recording that is not as it should be, in English and Hebrew.

What is missing from it, what a listener should know, and which lines are in doubt: the codes of
`audio_findings` and of the flags in `transcript`. Numbers stand before plurals only, so that every
sentence agrees with its number.
"""

from therapy.domain.audio_findings import BETWEEN_RECORDINGS, Missing
from therapy.domain.preferred_language import preferred
from therapy.domain.transcript import GUESS, LOOP, NO_SPEECH_LIKELY, OTHER_LANGUAGE

REASONS = {
    "hole": ("the recording has a gap there", "יש שם רווח בהקלטה"),
    "damaged": ("the recording is damaged there", "ההקלטה פגומה שם"),
    "cut_off": (
        "the recording ends earlier than it states",
        "ההקלטה מסתיימת מוקדם ממה שרשום בה",
    ),
    "too_long": (
        "only the first 12 hours are transcribed",
        "רק 12 השעות הראשונות מתומללות",
    ),
}
"""Why a stretch is missing, by `Missing.reason`; without its code a reason is left out."""

NEXT_RECORDING = (
    "The next recording begins at {at}; how much time passed before it is not known.",
    "ההקלטה הבאה מתחילה ב-{at}; לא ידוע כמה זמן עבר לפניה.",
)
"""What is said between two recordings of a session: nobody knows how long the gap was."""

REMARKS = {
    "several_tracks": (
        "The recording has several tracks; the one with speech was taken.",
        "בהקלטה יש כמה רצועות; נבחרה זו שיש בה דיבור.",
    ),
    "inverted_channel": (
        "One channel of the recording was inverted; that was put right.",
        "אחד הערוצים בהקלטה היה הפוך; הדבר תוקן.",
    ),
    "silent_channel": (
        "One channel of the recording is silent.",
        "אחד הערוצים בהקלטה שקט.",
    ),
    "one_language": (
        "All of it was recognised as one language; what was said in another is most likely wrong.",
        "כל ההקלטה זוהתה כשפה אחת; מה שנאמר בשפה אחרת שגוי ככל הנראה.",
    ),
    "separate_channels": (
        "Each channel of the recording carries another speaker.",
        "בכל ערוץ של ההקלטה נשמע דובר אחר.",
    ),
}
"""What a listener should know, by the codes of `AudioFindings.remarks`."""

DOUBTS = {
    GUESS: ("the words are a guess", "המילים הן ניחוש"),
    LOOP: ("the words were repeated by mistake", "המילים חזרו על עצמן בטעות"),
    OTHER_LANGUAGE: ("most likely another language", "כנראה שפה אחרת"),
    NO_SPEECH_LIKELY: ("most likely nobody speaks", "כנראה אף אחד אינו מדבר"),
}
"""Why a line is in doubt, by the codes of `Utterance.flags`."""

_LONGEST_IN_SECONDS = 120


def missing_sentence(missing: Missing, language: str) -> str:
    """Return what is missing and why, e.g. "2 minutes from 0:10:00 are missing: …"."""
    hebrew = preferred(language) == "he"
    if missing.reason == BETWEEN_RECORDINGS:
        return NEXT_RECORDING[hebrew].format(at=_time(missing.end_ms))
    amount = _amount(missing.end_ms - missing.start_ms, hebrew=hebrew)
    start = _time(missing.start_ms)
    reason = REASONS.get(missing.reason, ("", ""))[hebrew]
    said = f"חסרות {amount} החל מ-{start}" if hebrew else f"{amount} from {start} are missing"
    return f"{said}: {reason}." if reason else f"{said}."


def remark_sentence(code: str, language: str) -> str:
    """Return what a listener should know; the code itself if it has no sentence."""
    return REMARKS.get(code, (code, code))[preferred(language) == "he"]


def doubt(code: str, language: str) -> str:
    """Return why a line is in doubt, in a few words; the code itself if it has none."""
    return DOUBTS.get(code, (code, code))[preferred(language) == "he"]


def _amount(ms: int, *, hebrew: bool) -> str:
    """Return a duration, e.g. "0.4 seconds", "75 seconds", "2 minutes", "2:05 minutes"."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    if minutes * 60 + seconds < _LONGEST_IN_SECONDS:
        number = f"{ms / 1000:.0f}" if ms >= 10_000 else f"{max(ms, 100) / 1000:.1f}"
        return f"{number} {'שניות' if hebrew else 'seconds'}"
    number = f"{minutes}:{seconds:02}" if seconds else str(minutes)
    return f"{number} {'דקות' if hebrew else 'minutes'}"


def _time(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
