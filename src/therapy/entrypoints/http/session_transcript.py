"""GET /sessions/{id}/transcript: the version in force, with its words, doubts and what is missing."""

from functools import partial
from typing import Annotated, Any

from litestar import Response, get
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter
from msgspec import Struct
from msgspec.structs import astuple

from therapy.domain.transcript import Source, Speaker, TranscriptVersion, Utterance
from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.json_bodies import json_response
from therapy.entrypoints.http.problem_answers import OWN_SESSION, problems
from therapy.entrypoints.http.recording_measures import (
    CoverageShown,
    Flags,
    IsPartial,
    Missing,
    Remarks,
    as_shape,
)
from therapy.entrypoints.http.schema_types import LineText, SessionId, UtcTime, about
from therapy.workflows import review


class TranscriptLine(Struct):
    """A line of a transcript; its `start_ms` is its name, unique in a version."""

    start_ms: Annotated[int, about("When it begins, in milliseconds.", 3_000)]
    end_ms: Annotated[int, about("When it ends, in milliseconds.", 6_400)]
    speaker: Annotated[Speaker, about("Whose it is.", "Patient")]
    voice: Annotated[
        str, about("Which of the voices told apart; empty if that could not be told.", "1")
    ]
    confidence: Annotated[float, about("How sure the recogniser is of the voice, 0 to 1.", 0.94)]
    text: LineText
    words: Annotated[
        list[tuple[str, int, int, float]],
        about(
            "Each word as `[text, start_ms, end_ms, confidence]`; none where a person typed the line.",
            [["I", 3_000, 3_180, 0.98], ["slept", 3_180, 3_600, 0.97]],
        ),
    ]
    word_confidence: Annotated[
        float, about("The mean confidence of its words, 0 to 1; 1 if it has none.", 0.975)
    ]
    flags: Flags
    edited: Annotated[
        bool, about("Whether a person has changed its text or speaker, or added it.", False)
    ]
    heard: Annotated[
        str,
        about("What was recognised, if the practice's vocabulary changed it; else empty.", ""),
    ]


class TranscriptAnswer(Struct):
    """A version of a session's transcript."""

    version: Annotated[int, about("Its number, counted from 1; the ETag as well.", 1)]
    source: Annotated[
        Source,
        about(
            "How it came to be: `machine`, `edit` in the review, `amend` and `restore` after closing, "
            "`rerun` by a machine again.",
            "machine",
        ),
    ]
    at: Annotated[UtcTime, about("When it was made.", "2026-03-04T10:09:00Z")]
    author: Annotated[
        str | None, about("The id of the person who made it; null if a machine did.", None)
    ]
    engine: Annotated[str, about("What recognised it.", "whisper tiny.en")]
    language: Annotated[str, about("The language heard, BCP 47.", "en-US")]
    lines: Annotated[list[TranscriptLine], about("The lines, in order of time.")]
    partial: IsPartial
    missing: Annotated[list[Missing], about("Where sound is missing, in order of time.")]
    remarks: Remarks
    coverage: CoverageShown


etag_header = ResponseHeader(
    "ETag",
    documentation_only=True,
    required=True,
    value='"1"',
    description="The number of the transcript's version, in quotes.",
)

IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        description="The ETag of the version that is known: nothing is sent if it is that one still.",
        examples=[Example(value='"1"')],
    ),
]


@get(
    "/{session_id:str}/transcript",
    operation_id="get_transcript",
    summary="Show a session's transcript",
    response_description="The transcript.",
    response_headers=[etag_header],
    responses={
        304: ResponseSpec(
            None, generate_examples=False, description="It is still the version that is known."
        ),
        **problems(*OWN_SESSION, "no_transcript", field="session_id"),
    },
)
async def transcript(
    session_id: SessionId,
    actor: Caller,
    records: RecordsDependency,
    known: IfNoneMatch = None,
) -> Response[TranscriptAnswer]:
    """Return the transcript in force, with its words, its doubts, and what is missing of the recording.

    For the session's therapist, from `awaiting_review` on. A line with `flags` is in doubt: it is shown, but
    not scored. Nothing is changed by it.
    """
    session = await review.transcribed_session(actor, session_id, records=records)
    number = session.transcript_number
    headers = {"ETag": f'"{number}"'}
    if is_known(known, headers["ETag"]):
        nothing: Any = None
        return Response(nothing, status_code=304, headers=headers)
    version = await records.transcripts.load_words(actor.practice_id, session_id, number)
    return await json_response(partial(answer_of, version), headers)


def is_known(header: str | None, etag: str) -> bool:
    """Return whether an If-None-Match header names this entity tag (RFC 9110, 13.1.2)."""
    tags = [each.strip().removeprefix("W/") for each in (header or "").split(",")]
    return etag in tags or "*" in tags


def answer_of(version: TranscriptVersion) -> TranscriptAnswer:
    """Return a version as the API shows it."""
    return TranscriptAnswer(
        version=version.number,
        source=version.source,
        at=version.at,
        author=version.author_id or None,
        engine=version.engine,
        language=version.language,
        lines=[line_of(each) for each in version.utterances],
        partial=version.partial,
        missing=as_shape(list[Missing], version.missing),
        remarks=version.remarks,
        coverage=as_shape(CoverageShown, version.coverage),
    )


def line_of(utterance: Utterance) -> TranscriptLine:
    """Return a line as the API shows it."""
    return TranscriptLine(
        start_ms=utterance.start_ms,
        end_ms=utterance.end_ms,
        speaker=utterance.speaker,
        voice=utterance.voice,
        confidence=utterance.confidence,
        text=utterance.text,
        words=[astuple(each) for each in utterance.words],
        word_confidence=utterance.word_confidence,
        flags=utterance.flags,
        edited=utterance.edited,
        heard=utterance.heard,
    )
