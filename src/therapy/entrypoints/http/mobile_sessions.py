"""/sessions as the app knows it: closed sessions found again."""

from functools import partial
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from msgspec import Struct

from therapy.domain.sentiment import NEUTRAL
from therapy.domain.session_entry import PREVIEW, SessionEntry
from therapy.domain.transcript import Speaker, Utterance, format_timestamp
from therapy.entrypoints.http.dependencies import (
    Caller,
    RecordsDependency,
    SearchesDependency,
    SessionIndexDependency,
)
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.problem_answers import OWN_SESSION, SEARCH, SIGNED_IN, problems
from therapy.entrypoints.http.schema_types import (
    AppDay,
    Before,
    IsoDayText,
    LineText,
    Negative,
    Neutral,
    PatientEmail,
    PatientName,
    PatientNumber,
    Positive,
    SessionId,
    SessionName,
    SpeakerName,
    Summary,
    TherapistName,
    Timestamp,
    Title,
    about,
    day,
    iso,
)
from therapy.entrypoints.http.session_details import NoteOut
from therapy.workflows import session_lists
from therapy.workflows.session_lists import ClosedSession


class SessionItem(Struct, rename="camel"):
    """A closed session in a list; its three numbers describe the patient's speech as a whole."""

    id: SessionName
    patient_id: PatientNumber
    patient_name: PatientName
    therapist_id: Annotated[str, about("The therapist's id.", "therapist-robin")]
    therapist_name: TherapistName
    title: Title
    date: IsoDayText
    description_preview: Annotated[
        str, about("The summary's first 100 characters.", "Sleeps better.")
    ]
    positive: Positive
    neutral: Neutral
    negative: Negative


class ScoreOut(Struct):
    """A line with its scores; a therapist's has none of its own: 0, 1, 0."""

    speaker: SpeakerName
    text: LineText
    timestamp: Timestamp
    positive: Positive
    neutral: Neutral
    negative: Negative


class DetailsAnswer(Struct):
    """A closed session in full; its three numbers describe the patient's speech as a whole."""

    session_id: SessionName = msgspec.field(name="sessionId")
    therapist_name: TherapistName
    therapist_email: Annotated[str, about("The therapist's e-mail address.", "robin@example.org")]
    patient_id: PatientNumber
    patient_name: PatientName
    patient_email: PatientEmail
    patient_date_of_birth: Annotated[
        str | None, about("`dd-MM-yyyy`; null where it is not known.", "17-05-1990")
    ]
    session_date: AppDay
    summary: Summary
    timed_notes: Annotated[
        list[NoteOut], about("Notes at moments of the recording; empty where withheld.")
    ]
    general_notes: Annotated[
        list[str], about("Other notes; empty where withheld.", ["Came by bus."])
    ]
    positive: Positive
    neutral: Neutral
    negative: Negative
    sentiment_scores: Annotated[list[ScoreOut], about("All lines, in order of time.")]


@get(
    "/me",
    operation_id="list_closed_sessions",
    summary="List my closed sessions",
    response_description="The sessions, newest first.",
    responses=problems(*SIGNED_IN, "invalid", "before", field="before"),
)
async def mine(
    actor: Caller,
    records: RecordsDependency,
    session_index: SessionIndexDependency,
    before: Before = "",
) -> list[SessionItem]:
    """Return the caller's closed sessions, newest first, at most 500.

    For therapists and patients. A patient gets those that are linked to their account, unless the practice
    shows patients nothing.
    """
    entries = await session_lists.closed_sessions(
        actor, before, records=records, session_index=session_index
    )
    return [_item(entry) for entry in entries]


@get(
    "/search",
    operation_id="search_closed_sessions",
    summary="Search my closed sessions",
    response_description="The sessions found, newest first.",
    responses=problems(*SIGNED_IN, *SEARCH, "invalid", "before", "forbidden", field="before"),
)
async def search(
    actor: Caller,
    session_index: SessionIndexDependency,
    searches: SearchesDependency,
    wanted: Annotated[
        str,
        QueryParameter(
            name="query",
            max_length=200,
            description="A part of the patient's name or number, of the therapist's name, the title, the "
            "date or the summary; or the beginning of words that were said. In any case.",
            examples=[Example(value="dana")],
        ),
    ] = "",
    before: Before = "",
) -> list[SessionItem]:
    """Return the caller's closed sessions that a query finds, newest first, at most 500. For therapists.

    A blank query finds nothing.
    """
    entries = await session_lists.search(
        actor, wanted, before, session_index=session_index, searches=searches
    )
    return [_item(entry) for entry in entries]


@get(
    "/{session_id:str}/details",
    operation_id="get_closed_session",
    summary="Show a closed session",
    response_description="The session in full.",
    responses=problems(*OWN_SESSION, field="session_id"),
)
async def details(
    session_id: SessionId, actor: Caller, records: RecordsDependency
) -> Response[DetailsAnswer]:
    """Return a closed session in full, to its therapist and its linked patient.

    404 until it is closed, and for anyone it does not belong to.
    """
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
