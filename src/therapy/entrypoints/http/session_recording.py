"""/sessions/{id}/recording: the audio, whole or a range of it (RFC 9110, 14), streamed; or a link to it."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import HttpMethod, Request, post, route
from litestar.datastructures import ResponseHeader
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream
from litestar.types import Method
from msgspec import Struct

from therapy.domain.errors import NotFound
from therapy.entrypoints.http.dependencies import Caller, RecordingsDependency, RecordsDependency
from therapy.entrypoints.http.errors import BadRange
from therapy.entrypoints.http.idempotency_key import SHOWN_ANEW
from therapy.entrypoints.http.problem_answers import OWN_SESSION, problems
from therapy.entrypoints.http.schema_types import AN_ID, SessionId, UtcTime, about
from therapy.ports.recordings import Recordings
from therapy.workflows import review

SLICE = 1024 * 1024
"""Bytes in memory at a time."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


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


def _header(name: str, description: str, example: str) -> ResponseHeader:
    return ResponseHeader(
        name, documentation_only=True, required=True, value=example, description=description
    )


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
    response_headers=[
        _header("Accept-Ranges", "Ranges of bytes may be asked for.", "bytes"),
        _header("Content-Length", "How many bytes follow.", "264600044"),
        _header("ETag", "The hash of the audio, in quotes: it never changes.", '"b7e1c2"'),
    ],
    responses={
        200: _audio("The whole recording, in the form in which it was sent."),
        206: _audio("The bytes that `Range` asked for; `Content-Range` says which."),
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
    wanted: Annotated[
        str | None,
        HeaderParameter(
            name="Range",
            description="The bytes to send: `bytes=<first>-<last>`, `bytes=<first>-`, `bytes=-<count>`.",
            examples=[Example(value="bytes=0-1023")],
        ),
    ] = None,
) -> Stream:
    """Return a session's recording to its therapist, whole or the part that `Range: bytes=…` asks for.

    One range is understood; several are answered with everything. HEAD gives the headers only.
    """
    session = await review.own_session(actor, session_id, records=records)
    audio = review.recording_of(session, part)
    size = await recordings.size(actor.practice_id, audio.key)
    some = _range(wanted, size)
    start, end = some or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": "attachment",
        "ETag": f'"{audio.content_hash}"',
    }
    if some:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = (
        iter(())
        if request.method == HttpMethod.HEAD
        else _slices(session.practice_id, audio.key, start, end, recordings=recordings)
    )
    return Stream(
        body,
        status_code=206 if some else 200,
        media_type=audio.media_type,
        headers=headers,
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
    url, expires_at = await review.playback_link(
        actor, session_id, part, records=records, recordings=recordings
    )
    return PlaybackLink(url, expires_at)


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the requested bytes as start and end; None for all, also if several ranges are requested.

    Raises:
        BadRange: the recording has no such bytes.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise BadRange(size=size)
    return start, end


async def _slices(
    practice_id: str, key: str, start: int, end: int, *, recordings: Recordings
) -> AsyncIterator[bytes]:
    while start < end:
        block = await recordings.read(practice_id, key, start, min(end, start + SLICE))
        if not block:
            raise NotFound
        start += len(block)
        yield block
