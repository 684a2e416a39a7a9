"""/sessions as the app knows it: closed sessions found again."""

from functools import partial
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from msgspec import Struct

from therapy.domain.sentiment import NEUTRAL
from therapy.domain.session_entry import PREVIEW, SessionEntry
from therapy.domain.transcript import Speaker, Utterance, format_timestamp
from therapy.entrypoints.http.dependencies import (
    Caller,
    RecordsDependency,
    SessionIndexDependency,
)
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.schema_types import Before, SessionId, day, iso
from therapy.entrypoints.http.session_details import NoteOut
from therapy.workflows import session_lists
from therapy.workflows.session_lists import ClosedSession


class SessionItem(Struct, rename="camel"):
    id: str
    patient_id: str
    patient_name: str
    therapist_id: str
    therapist_name: str
    title: str
    date: str
    description_preview: str
    positive: float
    neutral: float
    negative: float


class ScoreOut(Struct):
    speaker: str
    text: str
    timestamp: str
    positive: float
    neutral: float
    negative: float


class DetailsAnswer(Struct):
    session_id: str = msgspec.field(name="sessionId")
    therapist_name: str
    therapist_email: str
    patient_id: str
    patient_name: str
    patient_email: str
    patient_date_of_birth: str | None
    session_date: str
    summary: str
    timed_notes: list[NoteOut]
    general_notes: list[str]
    positive: float
    neutral: float
    negative: float
    sentiment_scores: list[ScoreOut]


@get("/me")
async def mine(
    actor: Caller,
    records: RecordsDependency,
    session_index: SessionIndexDependency,
    before: Before = "",
) -> list[SessionItem]:
    """List the caller's closed sessions, newest first, at most 500; `before` is the last id seen."""
    entries = await session_lists.closed_sessions(
        actor, before, records=records, session_index=session_index
    )
    return [_item(entry) for entry in entries]


@get("/search")
async def search(
    actor: Caller,
    session_index: SessionIndexDependency,
    wanted: Annotated[str, QueryParameter(name="query", max_length=200)] = "",
    before: Before = "",
) -> list[SessionItem]:
    """Find the caller's closed sessions by a part of name, number, title, date, summary, or by words said."""
    entries = await session_lists.search(actor, wanted, before, session_index=session_index)
    return [_item(entry) for entry in entries]


@get("/{session_id:str}/details")
async def details(
    session_id: SessionId, actor: Caller, records: RecordsDependency
) -> Response[DetailsAnswer]:
    """Give a closed session in full, to its therapist and its linked patient."""
    closed = await session_lists.closed_session(actor, session_id, records=records)
    return await json_response(partial(_details, closed))


def _item(entry: SessionEntry) -> SessionItem:
    return SessionItem(
        id=entry.session_id,
        patient_id=entry.patient_number,
        patient_name=entry.patient_name,
        therapist_id=entry.therapist_id,
        therapist_name=entry.therapist_name,
        title=entry.title,
        date=iso(entry.date) or "",
        description_preview=entry.summary[:PREVIEW],
        positive=entry.scores.positive,
        neutral=entry.scores.neutral,
        negative=entry.scores.negative,
    )


def _details(closed: ClosedSession) -> DetailsAnswer:
    session, given = closed.session, closed.session.details
    scores = session.scores or NEUTRAL
    born = given.patient.date_of_birth or (closed.patient.date_of_birth if closed.patient else None)
    notes = closed.with_notes
    return DetailsAnswer(
        session_id=session.id,
        therapist_name=session.therapist_name,
        therapist_email=session.therapist_email,
        patient_id=given.patient.number,
        patient_name=given.patient.name,
        patient_email=given.patient.email or (closed.patient.email if closed.patient else ""),
        patient_date_of_birth=day(born),
        session_date=day(given.date) or "",
        summary=given.summary,
        timed_notes=[NoteOut(each.timestamp, each.content) for each in given.timed_notes if notes],
        general_notes=list(given.general_notes) if notes else [],
        positive=scores.positive,
        neutral=scores.neutral,
        negative=scores.negative,
        sentiment_scores=[_score(each) for each in closed.transcript.utterances],
    )


def _score(utterance: Utterance) -> ScoreOut:
    scores = (
        utterance.scores if utterance.speaker is Speaker.PATIENT and utterance.scores else NEUTRAL
    )
    return ScoreOut(
        speaker=utterance.speaker.value,
        text=utterance.text,
        timestamp=format_timestamp(utterance.start_ms),
        positive=scores.positive,
        neutral=scores.neutral,
        negative=scores.negative,
    )
