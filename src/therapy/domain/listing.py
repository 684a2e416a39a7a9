"""The small rows that lists and searches are made of; the documents stay where they are."""

from collections.abc import Iterable
from datetime import date, datetime

from msgspec import Struct

from therapy.domain.run import Run
from therapy.domain.sentiment import NEUTRAL, Scores
from therapy.domain.session import Link, Session, State
from therapy.domain.status import ApiState, status_of
from therapy.domain.transcript import Version
from therapy.domain.words import distinct_words, finds

MOST_ROWS = 500
"""What one list answers with at the most: the app never asks for a second page."""

PREVIEW = 100
"""Characters of the summary that a row carries."""


class Row(Struct, frozen=True, omit_defaults=True):
    """A session as a list shows it.

    `patient_person_id` is the account it is linked to ("" = none). `words` are the folded words of
    a closed session's transcript, for the search. `sequence` grows with every change of the session
    or its runs: a store keeps the row with the greatest.
    """

    session_id: str
    practice_id: str
    therapist_id: str
    therapist_name: str
    patient_number: str
    patient_name: str
    date: date
    created_at: datetime
    state: ApiState
    sequence: int
    patient_person_id: str = ""
    title: str = ""
    summary: str = ""
    scores: Scores = NEUTRAL
    words: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Row(session_id={self.session_id!r}, state={self.state.name})"

    @property
    def sort_key(self) -> str:
        """Lists are in descending order of this: newest date first, then the latest received."""
        return f"{self.date.isoformat()}|{self.created_at.isoformat()}|{self.session_id}"


def row_of(session: Session, runs: Iterable[Run], transcript: Version | None) -> Row:
    """Make the row of a session; `transcript` is its current version if it is closed."""
    runs = tuple(runs)
    patient = session.details.patient
    texts = [each.text for each in transcript.utterances] if transcript else []
    return Row(
        session_id=session.id,
        practice_id=session.practice_id,
        therapist_id=session.therapist_id,
        therapist_name=session.therapist_name,
        patient_number=patient.number,
        patient_name=patient.name,
        patient_person_id=patient.person_id if patient.link is Link.LINKED else "",
        date=session.details.date,
        created_at=session.created_at,
        state=status_of(session, runs).state,
        sequence=session.version + sum(run.version for run in runs),
        title=session.title,
        summary=session.details.summary,
        scores=session.scores or NEUTRAL,
        words=distinct_words(texts) if session.state is State.CLOSED else (),
    )


def search_fields(row: Row) -> tuple[str, ...]:
    """The texts of a row that a query may be part of."""
    return (
        row.patient_name,
        row.patient_number,
        row.therapist_name,
        row.title,
        row.date.isoformat(),
        f"{row.date:%d-%m-%Y}",
        row.summary,
    )


def found(row: Row, query: str) -> bool:
    """Tell whether a search for `query` lists this row. Every store's search agrees with this."""
    return finds(query, fields=search_fields(row), words=row.words)
