"""Small builders: whatever a test does not name is filled in with something plain."""

from datetime import date
from typing import Any

from msgspec.structs import replace

from therapy.domain.outbox import OutboxItem, PushDue, PushKind, SessionEntryChanged
from therapy.domain.people import Login, Person, Practice, Reset, Role
from therapy.domain.person_limits import PersonLimits
from therapy.domain.run import Run, RunKind
from therapy.domain.session import Details, Recording, Session, SessionPatient
from therapy.domain.transcript import Source, TranscriptVersion
from therapy.domain.upload import Upload
from therapy.testing.samples import (  # noqa: F401 - given on
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    SECOND,
    SESSION,
    THERAPIST,
    a_device,
    a_letter,
    a_push,
    a_wav,
    an_actor,
    an_entry,
    an_utterance,
)

UNHURRIED = PersonLimits(searches=20, search_time=MINUTE)
"""Searches take as long as a machine with other things to do needs, where a test is not about that."""


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


def an_upload(**changes: Any) -> Upload:
    return replace(
        Upload("upload-1", PRACTICE, THERAPIST, created_at=NOW, expires_at=NOW + DAY), **changes
    )
