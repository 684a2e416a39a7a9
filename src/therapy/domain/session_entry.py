"""Session entries: what lists and searches show of a session, and search in."""

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from therapy.domain.run import Run, RunState
from therapy.domain.sentiment import NEUTRAL, Scores
from therapy.domain.session import Link, Session, State
from therapy.domain.session_status import AWAITED_KINDS, SessionStatus, awaited_run, progress_of
from therapy.domain.text_folding import distinct_words, finds, text_forms
from therapy.domain.transcript import TranscriptVersion

MOST_ENTRIES = 500
"""The most entries that one list returns: the app never asks for a second page."""

PREVIEW = 100
"""How many characters of the summary a list shows."""


class SessionEntry(Struct, frozen=True, omit_defaults=True):
    """A session as a list shows it.

    `patient_person_id` is the account it is linked to ("" = none). `words` are the folded words of
    a closed session's transcript, for the search. `place` is its place in the waiting list, if it is in
    it. `sequence` grows with every change of the session or its runs: an index keeps the entry with the
    greatest.
    """

    session_id: str
    practice_id: str
    therapist_id: str
    therapist_name: str
    patient_number: str
    patient_name: str
    date: date
    created_at: datetime
    state: SessionStatus
    sequence: int
    patient_person_id: str = ""
    title: str = ""
    summary: str = ""
    scores: Scores = NEUTRAL
    words: tuple[str, ...] = ()
    place: datetime | None = None

    def __repr__(self) -> str:
        return f"SessionEntry(session_id={self.session_id!r}, state={self.state.name})"

    @property
    def sort_key(self) -> str:
        """Lists are in descending order of this: newest date first, then the latest received."""
        return f"{self.date.isoformat()}|{self.created_at.isoformat()}|{self.session_id}"


def entry_of(
    session: Session, runs: Iterable[Run], transcript: TranscriptVersion | None
) -> SessionEntry:
    """Return the entry of a session; `transcript` is its current version if it is closed."""
    runs = tuple(runs)
    patient = session.details.patient
    awaited = awaited_run(session, runs)
    texts = [each.text for each in transcript.utterances] if transcript else []
    return SessionEntry(
        session_id=session.id,
        practice_id=session.practice_id,
        therapist_id=session.therapist_id,
        therapist_name=session.therapist_name,
        patient_number=patient.number,
        patient_name=patient.name,
        patient_person_id=patient.person_id if patient.link is Link.LINKED else "",
        date=session.details.date,
        created_at=session.created_at,
        state=progress_of(session, runs).state,
        sequence=sequence_of(session, runs),
        title=session.title,
        summary=session.details.summary,
        scores=session.scores or NEUTRAL,
        words=distinct_words(texts) if session.state is State.CLOSED else (),
        place=awaited.due_at if awaited and awaited.state is RunState.DUE else None,
    )


def sequence_of(session: Session, runs: Iterable[Run]) -> int:
    """Return the `sequence` of the entry of a session as it and its runs are stored.

    Only of runs that a session waits for: of others its entry says nothing, and programs that do not know
    them must count the same.
    """
    return session.version + sum(run.version for run in runs if run.kind in AWAITED_KINDS)


def search_fields(entry: SessionEntry) -> tuple[str, ...]:
    """Return the texts of an entry that a query is looked for in."""
    return (
        entry.patient_name,
        entry.patient_number,
        entry.therapist_name,
        entry.title,
        entry.date.isoformat(),
        f"{entry.date:%d-%m-%Y}",
        entry.summary,
    )


def searched_text(entry: SessionEntry) -> str:
    """Return what an index stores of an entry to look for the forms of a query in: a form on each line."""
    return "\n".join(form for field in search_fields(entry) for form in text_forms(field))


def found(entry: SessionEntry, query: str) -> bool:
    """Return whether a search for `query` finds this entry. Every index agrees with this."""
    return finds(query, fields=search_fields(entry), words=entry.words)
