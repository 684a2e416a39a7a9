"""What the promises are tried with: practices, people, moments, and small builders of what crosses a port.

Whatever a test does not name is filled in with something plain.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.media_headers import wav_header
from therapy.domain.outbox import PushKind
from therapy.domain.people import Device, Role
from therapy.domain.push import PushMessage
from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.domain.transcript import Speaker, Utterance
from therapy.ports.mail import Letter

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days")
)

PRACTICE = "practice-1"
OTHER_PRACTICE = "practice-2"
THERAPIST = "therapist-1"
PATIENT = "patient-1"
SESSION = "session-1"


def an_actor(**changes: Any) -> Actor:
    """Return a therapist who is signed in."""
    return replace(Actor(THERAPIST, Role.THERAPIST, PRACTICE, sid="login-1"), **changes)


def an_utterance(text: str = "I slept better.", start_ms: int = 0, **changes: Any) -> Utterance:
    """Return two seconds of what the patient says."""
    spoken = Utterance(start_ms, start_ms + 2_000, text, Speaker.PATIENT, voice="1", confidence=0.9)
    return replace(spoken, **changes)


def an_entry(**changes: Any) -> SessionEntry:
    """Return a closed session's entry in lists."""
    entry = SessionEntry(
        session_id=SESSION,
        practice_id=PRACTICE,
        therapist_id=THERAPIST,
        therapist_name="Olivia Hayes",
        patient_number="203948571",
        patient_name="Jordan White",
        date=date(2026, 3, 4),
        created_at=NOW,
        state=SessionStatus.CLOSED,
        sequence=1,
        patient_person_id=PATIENT,
        title="Session 04-03-2026",
    )
    return replace(entry, **changes)


def a_device(**changes: Any) -> Device:
    """Return a patient's device."""
    device = Device("token-1", PRACTICE, PATIENT, "login-1", "android", registered_at=NOW)
    return replace(device, **changes)


def a_push(**changes: Any) -> PushMessage:
    """Return the push that a session is ready."""
    push = PushMessage(
        id="push-1",
        kind=PushKind.SESSION_READY,
        title="A session is ready",
        body="A session is ready for your review.",
        session_id=SESSION,
    )
    return replace(push, **changes)


def a_letter(**changes: Any) -> Letter:
    """Return a letter with a new password."""
    letter = Letter("letter-1", "jordan.white1@example.health", "A new password", "Here it is.")
    return replace(letter, **changes)


def a_wav(pcm: bytes, *, promised: int | None = None) -> bytes:
    """A WAV of 16 kHz mono s16 samples; its header says `promised` bytes, if given, whatever is there."""
    length = len(pcm) if promised is None else promised
    return wav_header(length, 16_000) + pcm
