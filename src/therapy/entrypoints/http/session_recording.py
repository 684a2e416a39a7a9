"""/sessions/{id}/recording: the audio, whole or a range of it (RFC 9110, 14), streamed; or a link to it."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from litestar import HttpMethod, Request, post, route
from litestar.response import Stream
from msgspec import Struct

from therapy.domain.errors import NotFound
from therapy.domain.session import Session
from therapy.entrypoints.http.dependencies import Caller, RecordingsDependency, RecordsDependency
from therapy.entrypoints.http.errors import BadRange
from therapy.entrypoints.http.schema_types import SessionId
from therapy.ports.recordings import Recordings
from therapy.workflows import review

SLICE = 1024 * 1024
"""Bytes in memory at a time."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class PlaybackLink(Struct):
    """Whoever has the URL may listen until it expires: it is a secret."""

    url: str
    expires_at: datetime


@route("/{session_id:str}/recording", http_method=[HttpMethod.GET, HttpMethod.HEAD])
async def recording(
    session_id: SessionId,
    request: Request[Any, Any, Any],
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
) -> Stream:
    """Play a session's recording to its therapist; understands a single byte range."""
    session = await review.own_session(actor, session_id, records=records)
    size = await recordings.size(actor.practice_id, session.recording.key)
    part = _part(request.headers.get("range"), size)
    start, end = part or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": "attachment",
        "ETag": f'"{session.recording.content_hash}"',
    }
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    body = (
        iter(())
        if request.method == HttpMethod.HEAD
        else _slices(session, start, end, recordings=recordings)
    )
    return Stream(
        body,
        status_code=206 if part else 200,
        media_type=session.recording.media_type,
        headers=headers,
    )


@post("/{session_id:str}/recording-link", status_code=200)
async def recording_link(
    session_id: SessionId,
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
) -> PlaybackLink:
    """Make a link that plays a session's recording for some minutes, for players that send no token.

    Where recordings are kept on this machine there are none: 404 `not_offered`.
    """
    url, expires_at = await review.playback_link(
        actor, session_id, records=records, recordings=recordings
    )
    return PlaybackLink(url, expires_at)


def _part(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes asked for, as start and end; None for all, also where several ranges are asked for.

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
    session: Session, start: int, end: int, *, recordings: Recordings
) -> AsyncIterator[bytes]:
    while start < end:
        block = await recordings.read(
            session.practice_id, session.recording.key, start, min(end, start + SLICE)
        )
        if not block:
            raise NotFound
        start += len(block)
        yield block
