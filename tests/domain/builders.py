"""What the domain's tests are made of: plain records with invented people, and strategies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from therapy.domain.people import Device, Person, Practice, Role
from therapy.domain.run import Run, RunKind
from therapy.domain.sentiment import Scores, normalised
from therapy.domain.session import Details, Link, Recording, Session, SessionPatient
from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
DIALOGUES = Path(__file__).parent / "dialogues"
Turn = tuple[str, str]


def a_patient(**changes: Any) -> SessionPatient:
    fields: dict[str, Any] = {"number": "123456789", "name": "Jordan White"}
    return SessionPatient(**fields | changes)


def a_session(
    *, patient: SessionPatient | None = None, summary: str = "", **changes: Any
) -> Session:
    fields: dict[str, Any] = {
        "id": "s1",
        "practice_id": "north",
        "therapist_id": "olivia",
        "therapist_name": "Olivia Hayes",
        "therapist_email": "olivia@example.health",
        "details": Details(patient=patient or a_patient(), date=date(2026, 3, 1), summary=summary),
        "recording": Recording(key="k", size=10, content_hash="0" * 64, media_type="audio/wav"),
        "created_at": NOW,
    }
    return Session(**fields | changes)


def a_linked_patient(person_id: str = "jordan") -> SessionPatient:
    return a_patient(person_id=person_id, link=Link.LINKED)


def a_person(**changes: Any) -> Person:
    fields: dict[str, Any] = {
        "id": "jordan",
        "practice_id": "north",
        "role": Role.PATIENT,
        "email": "jordan@example.health",
        "full_name": "Jordan White",
        "password_hash": "hash",
        "created_at": NOW,
        "number": "123456789",
    }
    return Person(**fields | changes)


def a_practice(**changes: Any) -> Practice:
    return Practice(**{"id": "north", "name": "North", **changes})


def a_device(**changes: Any) -> Device:
    fields: dict[str, Any] = {
        "token": "t1",
        "practice_id": "north",
        "person_id": "olivia",
        "sid": "login1",
        "platform": "ANDROID",
        "registered_at": NOW,
    }
    return Device(**fields | changes)


def a_run(**changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": "r1",
        "practice_id": "north",
        "session_id": "s1",
        "kind": RunKind.TRANSCRIBE,
        "created_at": NOW,
        "due_at": NOW,
    }
    return Run(**fields | changes)


def a_version(utterances: Iterable[Utterance] = (), **changes: Any) -> TranscriptVersion:
    fields: dict[str, Any] = {
        "session_id": "s1",
        "number": 1,
        "parent": 0,
        "source": Source.MACHINE,
        "at": NOW,
        "utterances": tuple(utterances),
        "duration_ms": 60_000,
    }
    return TranscriptVersion(**fields | changes)


def said(start_ms: int, text: str, speaker: Speaker = Speaker.PATIENT, **changes: Any) -> Utterance:
    return Utterance(
        **{
            "start_ms": start_ms,
            "end_ms": start_ms + 1_000,
            "text": text,
            "speaker": speaker,
            **changes,
        }
    )


def spoken(turns: Sequence[Turn]) -> list[Utterance]:
    """Turns (voice, text) as an engine gives them, a second each."""
    return [
        Utterance(start_ms=number * 1_000, end_ms=number * 1_000 + 900, text=text, voice=voice)
        for number, (voice, text) in enumerate(turns)
    ]


def dialogues(name: str) -> list[tuple[str, list[Turn]]]:
    """The invented dialogues of a file; T is the therapist, P (P1, P2) a patient, X a second one."""
    stored = json.loads((DIALOGUES / f"{name}.json").read_text(encoding="utf-8"))
    return [
        (f"{name}: {each['name']}", [(who, text) for who, text in each["turns"]]) for each in stored
    ]


speakers = st.sampled_from(Speaker)
_SNIPPETS = (
    *("How did that feel?", "I was so tired.", "you", "my", "It makes sense.", "...", "", "yes"),
    *("מה עבר עליך?", "אני לא יודע.", "שלי", "את", "ספרי לי עוד", "הלכתי", "7"),
)
texts = st.lists(st.sampled_from(_SNIPPETS), max_size=6).map(" ".join) | st.text(max_size=30)
scores = st.builds(normalised, *[st.floats(0, 10)] * 3)
maybe_scores: st.SearchStrategy[Scores | None] = st.none() | scores


@st.composite
def utterances(draw: st.DrawFn) -> Utterance:
    """Any utterance that starts within a minute, also one with no length."""
    start = draw(st.integers(0, 60_000))
    return Utterance(
        start_ms=start,
        end_ms=start + draw(st.integers(0, 20_000)),
        text=draw(texts),
        speaker=draw(speakers),
        voice=draw(st.sampled_from(["", "0", "1", "2"])),
        scores=draw(maybe_scores),
    )
