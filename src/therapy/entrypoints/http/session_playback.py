"""/sessions/{id}/playback and /peaks: all of a session as one file for every browser, and its waveform."""

from typing import Any

from litestar import HttpMethod, Request, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.response import Stream
from litestar.types import Method

from therapy.entrypoints.http.byte_ranges import (
    FILE_HEADERS,
    UNCHANGED,
    File,
    IfNoneMatch,
    IfRange,
    Range,
    sent,
    shown_header,
)
from therapy.entrypoints.http.dependencies import (
    Caller,
    EnginesDependency,
    RecordingsDependency,
    RecordsDependency,
)
from therapy.entrypoints.http.idempotency_key import SHOWN_ANEW
from therapy.entrypoints.http.problem_answers import OWN_SESSION, problems
from therapy.entrypoints.http.schema_types import SessionId
from therapy.entrypoints.http.session_recording import PlaybackLink
from therapy.workflows import playback_access
from therapy.workflows.playback_access import Played

KEPT_BY_CLIENTS = "private, max-age=31536000, immutable"
"""Of a session that was submitted: no recording is added any more."""

ASKED_AGAIN = "private, no-cache"
"""Of one to which a recording may still be added: with its ETag, asking again costs an empty answer."""

NOT_THERE = ("playback_pending", "playback_failed", "playback_absent")

_HEADERS = [
    *FILE_HEADERS,
    shown_header(
        "Cache-Control",
        "Until the session is submitted, `private, no-cache`: a recording may be added, which makes another"
        " file. After that it is immutable.",
        KEPT_BY_CLIENTS,
    ),
]


def _file(played: Played) -> File:
    kept = KEPT_BY_CLIENTS if played.final else ASKED_AGAIN
    headers = {"Cache-Control": kept, "Vary": "Authorization"}  # browsers may be shared
    return File(
        played.practice_id, played.key, played.media_type, played.content_hash, played.size, headers
    )


def _bytes(media_type: str, description: str) -> ResponseSpec:
    return ResponseSpec(
        bytes, generate_examples=False, media_type=media_type, description=description
    )


def _playback_id(handler: HTTPRouteHandler, method: Method, path: object) -> str:
    del handler, path
    return "head_playback" if method == HttpMethod.HEAD else "get_playback"


@route(
    "/{session_id:str}/playback",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    operation_id=_playback_id,
    summary="Play a session",
    response_headers=_HEADERS,
    responses={
        200: _bytes("audio/*", "The whole file: AAC in MP4, its index in front."),
        206: _bytes("audio/*", "The bytes that `Range` asked for; `Content-Range` says which."),
        304: UNCHANGED,
        **problems(*OWN_SESSION, "range", *NOT_THERE, field="session_id"),
    },
)
async def playback(
    *,
    session_id: SessionId,
    request: Request[Any, Any, Any],
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
    engines: EnginesDependency,
    wanted: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Stream:
    """Return a file that every browser plays and seeks, to the session's therapist, whole or a range of it.

    It has all recordings of the session on its one timeline, so that a time in the transcript is the same
    time here. It is made after the transcript: until then 409 `playback_pending` says when to ask again.
    After 409 `playback_failed`, `POST /sessions/{id}/retry` has it tried again; the recordings as they came
    are at `/recording`.
    """
    played = await playback_access.playback_of(
        actor, session_id, records=records, recordings=recordings, audio=engines.audio
    )
    return sent(
        request,
        _file(played),
        wanted=wanted,
        if_range=if_range,
        if_none_match=if_none_match,
        recordings=recordings,
    )


def _peaks_id(handler: HTTPRouteHandler, method: Method, path: object) -> str:
    del handler, path
    return "head_peaks" if method == HttpMethod.HEAD else "get_peaks"


@route(
    "/{session_id:str}/peaks",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    operation_id=_peaks_id,
    summary="Draw a session's waveform",
    response_headers=_HEADERS,
    responses={
        200: _bytes("application/octet-stream", "All peaks: 40 bytes for each second."),
        206: _bytes("application/octet-stream", "The bytes that `Range` asked for."),
        304: UNCHANGED,
        **problems(*OWN_SESSION, "range", *NOT_THERE, field="session_id"),
    },
)
async def peaks(
    *,
    session_id: SessionId,
    request: Request[Any, Any, Any],
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
    engines: EnginesDependency,
    wanted: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Stream:
    """Return the peaks of a session's waveform, 20 a second, to its therapist: 144 kB for an hour.

    Each is two signed bytes: the least and the greatest sample of 50 ms, -128 to 127. They are made with
    the file at `/playback`, and missing for the same reasons.
    """
    played = await playback_access.peaks_of(
        actor, session_id, records=records, recordings=recordings, audio=engines.audio
    )
    return sent(
        request,
        _file(played),
        wanted=wanted,
        if_range=if_range,
        if_none_match=if_none_match,
        recordings=recordings,
    )


@post(
    "/{session_id:str}/playback-link",
    status_code=200,
    opt=SHOWN_ANEW,
    operation_id="make_playback_link",
    summary="Make a link that plays a session",
    response_description="The link.",
    responses=problems(*OWN_SESSION, "not_offered", *NOT_THERE, field="session_id"),
)
async def playback_link(
    session_id: SessionId,
    actor: Caller,
    records: RecordsDependency,
    recordings: RecordingsDependency,
    engines: EnginesDependency,
) -> PlaybackLink:
    """Return a link that plays a session for ten minutes, for players that send no token.

    For the session's therapist. Each call makes a link of its own. Where recordings are kept on the
    server's own disk there are no links: 404 `not_offered`.
    """
    url, expires_at = await playback_access.playback_link(
        actor, session_id, records=records, recordings=recordings, audio=engines.audio
    )
    return PlaybackLink(url, expires_at)
