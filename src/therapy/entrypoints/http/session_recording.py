"""/sessions/{id}/recording: the audio, whole or a range of it (RFC 9110, 14), streamed; or a link to it."""

from typing import Annotated, Any

from litestar import HttpMethod, Request, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import Method
from msgspec import Struct

from therapy.entrypoints.http.byte_ranges import (
    FILE_HEADERS,
    UNCHANGED,
    File,
    IfNoneMatch,
    IfRange,
    Range,
    sent,
)
from therapy.entrypoints.http.dependencies import Caller, RecordingsDependency, RecordsDependency
from therapy.entrypoints.http.idempotency_key import SHOWN_ANEW
from therapy.entrypoints.http.problem_answers import OWN_SESSION, problems
from therapy.entrypoints.http.schema_types import AN_ID, SessionId, UtcTime, about
from therapy.workflows import review


class PlaybackLink(Struct):
    """Whoever has the URL may listen until it expires: it is a secret."""

    url: Annotated[
        str, about("Where it plays, without a token.", f"https://recordings.example/{AN_ID}?sig=x")
    ]
    expires_at: Annotated[UtcTime, about("When the link stops to work.", "2026-03-04T10:15:00Z")]


Part = Annotated[
    int,
    QueryParameter(
        name="part",
        ge=1,
        description="Which recording of a session that has several, counted from 1.",
        examples=[Example(value=1)],
    ),
]


def _audio(description: str) -> ResponseSpec:
    return ResponseSpec(
        bytes, generate_examples=False, media_type="audio/*", description=description
    )


def _operation_id(handler: HTTPRouteHandler, method: Method, path: object) -> str:
    del handler, path
    return "head_recording" if method == HttpMethod.HEAD else "get_recording"


@route(
    "/{session_id:str}/recording",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    operation_id=_operation_id,
    summary="Play a recording",
    response_headers=[*FILE_HEADERS],
    responses={
        200: _audio("The whole recording, in the form in which it was sent."),
        206: _audio("The bytes that `Range` asked for; `Content-Range` says which."),
        304: UNCHANGED,
        **problems(*OWN_SESSION, "range", field="session_id"),
    },
)
async def recording(
    *,
    session_id: SessionId,
    request: Request[Any, Any, Any],
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
    part: Part = 1,
    wanted: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Stream:
    """Return a session's recording to its therapist, whole or the part that `Range: bytes=…` asks for.

    One range is understood; several are answered with everything. HEAD gives the headers only.
    """
    session = await review.own_session(actor, session_id, records=records)
    audio = review.recording_of(session, part)
    size = await recordings.size(actor.practice_id, audio.key)
    file = File(actor.practice_id, audio.key, audio.media_type, audio.content_hash, size)
    return sent(
        request,
        file,
        wanted=wanted,
        if_range=if_range,
        if_none_match=if_none_match,
        recordings=recordings,
    )


@post(
    "/{session_id:str}/recording-link",
    status_code=200,
    opt=SHOWN_ANEW,
    operation_id="make_recording_link",
    summary="Make a link that plays a recording",
    response_description="The link.",
    responses=problems(*OWN_SESSION, "not_offered", field="session_id"),
)
async def recording_link(
    session_id: SessionId,
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
    part: Part = 1,
) -> PlaybackLink:
    """Return a link that plays a session's recording for ten minutes, for players that send no token.

    For the session's therapist. Each call makes a link of its own. Where recordings are kept on the
    server's own disk there are no links: 404 `not_offered`.
    """
    url, expires_at = await review.recording_link(
        actor, session_id, part, records=records, recordings=recordings
    )
    return PlaybackLink(url, expires_at)
