"""Small builders: whatever a test does not name is filled in with something plain."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.outbox import OutboxItem, PushDue, PushKind, SessionEntryChanged
from therapy.domain.people import Device, Login, Person, Practice, Reset, Role
from therapy.domain.push import PushMessage
from therapy.domain.run import Run, RunKind
from therapy.domain.session import Details, Recording, Session, SessionPatient
from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance
from therapy.domain.upload import Upload
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


def a_practice(**changes: Any) -> Practice:
    return replace(Practice(id=PRACTICE, name="A practice"), **changes)


def a_person(**changes: Any) -> Person:
    person = Person(
        id=PATIENT,
        practice_id=PRACTICE,
        role=Role.PATIENT,
        email="jordan.white1@example.health",
        full_name="Jordan White",
        password_hash="$hash$",
        created_at=NOW,
        number="203948571",
        date_of_birth=date(1990, 5, 17),
    )
    return replace(person, **changes)


def a_therapist(**changes: Any) -> Person:
    person = Person(
        id=THERAPIST,
        practice_id=PRACTICE,
        role=Role.THERAPIST,
        email="olivia.hayes1@example.health",
        full_name="Olivia Hayes",
        password_hash="$hash$",
        created_at=NOW,
    )
    return replace(person, **changes)


def an_actor(**changes: Any) -> Actor:
    return replace(Actor(THERAPIST, Role.THERAPIST, PRACTICE, sid="login-1"), **changes)


def details(**changes: Any) -> Details:
    patient = SessionPatient(number="203948571", name="Jordan White")
    return replace(Details(patient=patient, date=date(2026, 3, 4)), **changes)


def a_session(**changes: Any) -> Session:
    session = Session(
        id=SESSION,
        practice_id=PRACTICE,
        therapist_id=THERAPIST,
        therapist_name="Olivia Hayes",
        therapist_email="olivia.hayes1@example.health",
        details=details(),
        recording=Recording(
            key="recording-1", size=44, content_hash="0" * 64, media_type="audio/wav"
        ),
        created_at=NOW,
        title="Session 04-03-2026",
    )
    return replace(session, **changes)


def an_utterance(text: str = "I slept better.", start_ms: int = 0, **changes: Any) -> Utterance:
    spoken = Utterance(start_ms, start_ms + 2_000, text, Speaker.PATIENT, voice="1", confidence=0.9)
    return replace(spoken, **changes)


def a_version(number: int = 1, *texts: str, **changes: Any) -> TranscriptVersion:
    said = texts or ("How did you sleep?", "I slept better.")
    version = TranscriptVersion(
        session_id=SESSION,
        number=number,
        parent=number - 1,
        source=Source.MACHINE,
        at=NOW,
        utterances=tuple(an_utterance(text, index * 3_000) for index, text in enumerate(said)),
        duration_ms=len(said) * 3_000,
    )
    return replace(version, **changes)


def a_run(**changes: Any) -> Run:
    run = Run(
        id="run-1",
        practice_id=PRACTICE,
        session_id=SESSION,
        kind=RunKind.TRANSCRIBE,
        created_at=NOW,
        due_at=NOW,
        languages=("en-US",),
    )
    return replace(run, **changes)


def an_item(item_id: str = "item-1", **changes: Any) -> OutboxItem:
    what = SessionEntryChanged(SESSION)
    item = OutboxItem(item_id, PRACTICE, what, due_at=NOW + MINUTE)
    return replace(item, **changes)


def a_push_due(**changes: Any) -> PushDue:
    return replace(PushDue(PushKind.SESSION_READY, THERAPIST, SESSION), **changes)


def an_entry(**changes: Any) -> SessionEntry:
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


def a_login(**changes: Any) -> Login:
    login = Login(
        sid="login-1",
        practice_id=PRACTICE,
        person_id=PATIENT,
        refresh_hash="hash-1",
        created_at=NOW,
        rotated_at=NOW,
        expires_at=NOW + 30 * DAY,
    )
    return replace(login, **changes)


def a_reset(**changes: Any) -> Reset:
    return replace(Reset("reset-1", PRACTICE, PATIENT, expires_at=NOW + HOUR), **changes)


def a_device(**changes: Any) -> Device:
    device = Device("token-1", PRACTICE, PATIENT, "login-1", "android", registered_at=NOW)
    return replace(device, **changes)


def an_upload(**changes: Any) -> Upload:
    return replace(
        Upload("upload-1", PRACTICE, THERAPIST, created_at=NOW, expires_at=NOW + DAY), **changes
    )


def a_push(**changes: Any) -> PushMessage:
    push = PushMessage(
        id="push-1",
        kind=PushKind.SESSION_READY,
        title="A session is ready",
        body="A session is ready for your review.",
        session_id=SESSION,
    )
    return replace(push, **changes)


def a_letter(**changes: Any) -> Letter:
    letter = Letter("letter-1", "jordan.white1@example.health", "A new password", "Here it is.")
    return replace(letter, **changes)


def a_wav(pcm: bytes, *, promised: int | None = None) -> bytes:
    """A WAV of 16 kHz mono s16 samples; its header says `promised` bytes, if given, whatever is there."""
    length = len(pcm) if promised is None else promised
    size = [(36 + length).to_bytes(4, "little"), length.to_bytes(4, "little")]
    form = b"fmt " + (16).to_bytes(4, "little") + b"\x01\x00\x01\x00"
    rates = (16_000).to_bytes(4, "little") + (32_000).to_bytes(4, "little") + b"\x02\x00\x10\x00"
    return b"RIFF" + size[0] + b"WAVE" + form + rates + b"data" + size[1] + pcm
