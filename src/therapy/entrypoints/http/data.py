"""/data: the therapist's inbox, and the transcript under review."""

import asyncio
from functools import partial
from typing import Annotated

from litestar import Response, Router, get, put
from litestar.params import JSONBody
from msgspec import Meta, Struct

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
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.schema_types import NO_NUL, Before, Message, SessionId, Short, day
from therapy.workflows import review, session_lists

MOST_LINES = 20_000


class PendingItem(Struct, rename="camel"):
    id: str
    patient_name: str
    session_date: str
    summary_preview: str


class LineOut(Struct):
    """A line for review; all but the first three fields are for clients that know them."""

    speaker: str
    text: str
    timestamp: str
    start_ms: int
    end_ms: int
    voice: str
    confidence: float
    positive: float
    neutral: float
    negative: float


class Transcript(Struct, rename="camel"):
    patient_name: str
    session_date: str
    summary: str
    transcript: list[LineOut]


class LineIn(Struct):
    """A line as the therapist sends it back; a machine's line may be longer than what people type."""

    speaker: Short
    text: Annotated[str, Meta(max_length=200_000, pattern=NO_NUL)]
    timestamp: Annotated[str, Meta(max_length=32)]


INBOX_PREVIEW = 20
"""Characters of the summary that the inbox shows."""


@get("/pending")
async def pending(
    actor: Caller, session_index: SessionIndexDependency, before: Before = ""
) -> list[PendingItem]:
    """List the sessions that await the caller's review, newest first; `before` is the last id seen."""
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


@get("/transcript/{session_id:str}")
async def transcript(
    session_id: SessionId, actor: Caller, records: RecordsDependency
) -> Response[Transcript]:
    """Give a transcript that awaits review; its version is the ETag."""
    session, version = await review.for_review(actor, session_id, records=records)
    etag = {"ETag": f'"{version.number}"'}
    return await json_response(partial(_transcript, session, version), etag)


@put("/transcript/{session_id:str}", status_code=202)
async def submit(
    session_id: SessionId,
    data: JSONBody[Annotated[list[LineIn], Meta(max_length=MOST_LINES)]],
    actor: Caller,
    records: RecordsDependency,
    language: Language,
) -> Message:
    """Hand in the reviewed transcript; the session is closed with it."""
    lines = await asyncio.to_thread(_lines, data)  # 20,000 of them take 20 ms
    await review.submit(actor, session_id, lines, records=records)
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
