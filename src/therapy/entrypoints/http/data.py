"""/data: the therapist's inbox, and the transcript under review."""

import asyncio
from functools import partial
from typing import Annotated

from litestar import Response, Router, get, put
from litestar.datastructures import ResponseHeader
from litestar.params import JSONBody
from msgspec import Meta, Struct

from therapy.domain.edited_lines import MOST_LINES
from therapy.domain.errors import InvalidInput
from therapy.domain.messages import sentence
from therapy.domain.sentiment import NEUTRAL
from therapy.domain.session import Session
from therapy.domain.session_status import SessionStatus
from therapy.domain.transcript import (
    Line,
    Speaker,
    TranscriptVersion,
    Utterance,
    format_timestamp,
)
from therapy.entrypoints.http.dependencies import (
    Caller,
    Language,
    RecordsDependency,
    SessionIndexDependency,
)
from therapy.entrypoints.http.if_match import IfMatch, expected_versions
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.problem_answers import (
    LONG_JSON_BODY,
    OWN_SESSION,
    SIGNED_IN,
    WRITES,
    problems,
)
from therapy.entrypoints.http.request_bodies import TRANSCRIPT_BODY
from therapy.entrypoints.http.schema_types import (
    NO_NUL,
    AppDay,
    Before,
    LineText,
    Message,
    Negative,
    Neutral,
    PatientName,
    Positive,
    SessionId,
    SessionName,
    Short,
    SpeakerName,
    Summary,
    Timestamp,
    about,
    day,
)
from therapy.workflows import review, session_lists


class PendingItem(Struct, rename="camel"):
    """A session that awaits review."""

    id: SessionName
    patient_name: PatientName
    session_date: AppDay
    summary_preview: Annotated[str, about("The summary's first 20 characters.", "Sleeps better.")]


class LineOut(Struct):
    """A line for review; all but the first three fields are for clients that know them."""

    speaker: SpeakerName
    text: LineText
    timestamp: Timestamp
    start_ms: Annotated[int, about("When it begins, in milliseconds.", 3_000)]
    end_ms: Annotated[int, about("When it ends, in milliseconds.", 6_400)]
    voice: Annotated[
        str, about("Which of the voices told apart; empty if that could not be told.", "1")
    ]
    confidence: Annotated[float, about("How sure the recogniser is, 0 to 1.", 0.94)]
    positive: Positive
    neutral: Neutral
    negative: Negative


class Transcript(Struct, rename="camel"):
    """A transcript that awaits review."""

    patient_name: PatientName
    session_date: AppDay
    summary: Summary
    transcript: Annotated[list[LineOut], about("The lines, in order of time.")]


class LineIn(Struct):
    """A line as the therapist sends it back; a machine's line may be longer than what people type."""

    speaker: Annotated[Short, about("`Therapist`, `Patient` or `Unknown`, in any case.", "Patient")]
    text: Annotated[
        str,
        about("What was said; not empty.", "I slept better, and I feel glad."),
        Meta(max_length=200_000, pattern=NO_NUL),
    ]
    timestamp: Annotated[
        str,
        about("When it begins: `MM:SS`, `HH:MM:SS` or `H:MM:SS.mmm`.", "0:00:03.000"),
        Meta(max_length=32),
    ]


INBOX_PREVIEW = 20
"""Characters of the summary that the inbox shows."""


@get(
    "/pending",
    operation_id="list_sessions_for_review",
    summary="List what awaits my review",
    response_description="The sessions, newest first.",
    responses=problems(*SIGNED_IN, "invalid", "before", "forbidden", field="before"),
)
async def pending(
    actor: Caller, session_index: SessionIndexDependency, before: Before = ""
) -> list[PendingItem]:
    """Return the sessions that await the caller's review, newest first, at most 500. For therapists."""
    entries = await session_lists.inbox(
        actor, {SessionStatus.AWAITING_REVIEW}, before, session_index=session_index
    )
    return [
        PendingItem(
            entry.session_id,
            entry.patient_name,
            day(entry.date) or "",
            entry.summary[:INBOX_PREVIEW],
        )
        for entry in entries
    ]


@get(
    "/transcript/{session_id:str}",
    operation_id="get_transcript_for_review",
    summary="Show a transcript for review",
    response_description="The transcript.",
    response_headers=[
        ResponseHeader(
            "ETag",
            documentation_only=True,
            required=True,
            value='"1"',
            description="The number of the transcript's version, in quotes.",
        )
    ],
    responses=problems(*OWN_SESSION, "not_awaiting_review", field="session_id"),
)
async def transcript(
    session_id: SessionId, actor: Caller, records: RecordsDependency
) -> Response[Transcript]:
    """Return a transcript that awaits review, to the session's therapist. Nothing is changed by it."""
    session, version = await review.for_review(actor, session_id, records=records)
    etag = {"ETag": f'"{version.number}"'}
    return await json_response(partial(_transcript, session, version), etag)


@put(
    "/transcript/{session_id:str}",
    status_code=202,
    request_max_body_size=TRANSCRIPT_BODY,
    operation_id="submit_reviewed_transcript",
    summary="Submit a reviewed transcript",
    response_description="Submitted; the session is being closed.",
    responses=problems(
        *OWN_SESSION,
        *LONG_JSON_BODY,
        *("timestamp", "empty_transcript", "not_awaiting_review", "version_changed"),
        *WRITES,
        field="[0].text",
    ),
)
async def submit(
    session_id: SessionId,
    data: JSONBody[Annotated[list[LineIn], Meta(max_length=MOST_LINES)]],
    actor: Caller,
    *,
    records: RecordsDependency,
    language: Language,
    if_match: IfMatch = None,
) -> Message:
    """Submit the reviewed transcript: all its lines, with texts edited, speakers swapped, lines left out.

    For the session's therapist, once it awaits review. It becomes a new version beside the machine's, is
    scored, and the session is closed with it. The same lines sent again, after a lost answer, are accepted
    again; other ones are 409. With `If-Match`, which the app does not send, they are 412 if another version
    is in force than the one that was edited.
    """
    lines = await asyncio.to_thread(_lines, data)  # 20,000 of them take 20 ms
    expected = expected_versions(if_match)
    await review.submit(actor, session_id, lines, expected=expected, records=records)
    return Message(sentence("transcript_accepted", language))


def _transcript(session: Session, version: TranscriptVersion) -> Transcript:
    return Transcript(
        patient_name=session.details.patient.name,
        session_date=day(session.details.date) or "",
        summary=session.details.summary,
        transcript=[_line(each) for each in version.utterances],
    )


def _lines(data: list[LineIn]) -> list[Line]:
    return [
        Line(_speaker(index, each.speaker), each.text, each.timestamp)
        for index, each in enumerate(data)
    ]


def _speaker(index: int, name: str) -> Speaker:
    try:
        return Speaker(name.strip().capitalize())
    except ValueError:
        raise InvalidInput(f"[{index}].speaker") from None


def _line(utterance: Utterance) -> LineOut:
    scores = utterance.scores or NEUTRAL
    return LineOut(
        speaker=utterance.speaker.value,
        text=utterance.text,
        timestamp=format_timestamp(utterance.start_ms),
        start_ms=utterance.start_ms,
        end_ms=utterance.end_ms,
        voice=utterance.voice,
        confidence=utterance.confidence,
        positive=scores.positive,
        neutral=scores.neutral,
        negative=scores.negative,
    )


router = Router("/data", route_handlers=[pending, transcript, submit], tags=["review"])
