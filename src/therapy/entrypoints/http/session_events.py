"""GET /sessions/{id}/events and /events: how far sessions are, as Server-Sent Events, whenever that changes.

A stream ends with the access of who opened it: by a new password, a sign-out, or once its access token has
expired. Clients open it again with the next token and `Last-Event-ID`.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, get
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter
from litestar.response import ServerSentEventMessage, Stream
from msgspec import Struct

from therapy.domain.access import Actor
from therapy.domain.errors import TherapyError
from therapy.domain.session_event import FIELD, SessionEvent
from therapy.domain.session_status import SessionStatus
from therapy.entrypoints.http.dependencies import Caller, FollowedSessionsDependency
from therapy.entrypoints.http.problem_answers import OWN_SESSION, SIGNED_IN, problems
from therapy.entrypoints.http.schema_types import AN_ID, SessionId
from therapy.wiring import Therapy
from therapy.workflows.followed_sessions import FollowedSessions
from therapy.workflows.followers import Follower, StreamPace

log = logging.getLogger(__name__)

EVENT = "session"
MEDIA_TYPE = "text/event-stream"
RECONNECT_MS = 2_000
"""How long a client waits before it opens a broken stream again."""

CHECKS_PER_MEMORY = 2
"""How often a stream asks whether its login is alive, in the time for which the answer is remembered."""

SIGN_OF_LIFE = ServerSentEventMessage(data=None, comment="").encode()
SENT = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Headers by which nothing on the way keeps events, or keeps them back."""

FOLLOWS = ("last_event_id", "too_many_streams", "streams_busy")
"""The codes of whatever follows sessions."""


class FollowedSession(Struct):
    """The `data` of an event."""

    session_id: str
    state: SessionStatus
    stage: str
    progress: float
    version: int | None
    seconds_left: int | None


AN_EVENT = (
    f"event: {EVENT}\nid: 3f9a0c1b2d4e~{AN_ID}:17\n"
    f'data: {{"session_id":"{AN_ID}","state":"transcribing","stage":"recognising","progress":0.42,'
    '"version":null,"seconds_left":95}\n\n'
)
STREAM = ResponseSpec(
    str,
    generate_examples=False,
    media_type=MEDIA_TYPE,
    description="Events until the access token expires. The `data` of each is JSON: `session_id`, `state` (as"
    " `GET /sessions/{session_id}` has it), `stage`, `progress` (0 to 1), `version` (the number of the"
    " transcript in force, or null), `seconds_left` (an estimate, or null).",
    examples=[Example(id="event", summary="One event", value=AN_EVENT)],
)
HEADERS = [
    ResponseHeader(
        "X-Accel-Buffering",
        documentation_only=True,
        required=True,
        value="no",
        description="Proxies pass each event on at once.",
    )
]
LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name=FIELD,
        description="The `id` of the last event that came: what has changed since is sent first. Without it,"
        " how everything is now. Errors: `last_event_id`.",
        examples=[Example(value=f"3f9a0c1b2d4e~{AN_ID}:17")],
    ),
]


@get(
    "/{session_id:str}/events",
    operation_id="follow_session",
    summary="Follow a session",
    response_headers=HEADERS,
    responses={200: STREAM, **problems(*OWN_SESSION, *FOLLOWS, field="session_id")},
)
async def follow_session(
    request: Request[Actor, str, Any],
    session_id: SessionId,
    actor: Caller,
    followed: FollowedSessionsDependency,
    last_event_id: LastEventId = None,
) -> Stream:
    """Send an event now and whenever the session's state, stage, progress or version changes.

    For the session's therapist, in every state. Of many changes at a time the last one is sent, at most two
    a second. A comment comes every 15 seconds. The stream ends with the access token: open it again.
    """
    follower = await followed.follow(actor, session_id, last_event_id=last_event_id or "")
    return _answer(follower, followed, request)


@get(
    "/events",
    operation_id="follow_sessions",
    summary="Follow all my sessions",
    response_headers=HEADERS,
    responses={200: STREAM, **problems(*SIGNED_IN, "invalid", "forbidden", *FOLLOWS, field=FIELD)},
)
async def follow_sessions(
    request: Request[Actor, str, Any],
    actor: Caller,
    followed: FollowedSessionsDependency,
    last_event_id: LastEventId = None,
) -> Stream:
    """Send an event of each of the caller's sessions that is not closed yet, and whenever one changes.

    For therapists. Besides it is as the stream of one session; one that was erased has the state `erased`.
    """
    follower = await followed.follow(actor, last_event_id=last_event_id or "")
    return _answer(follower, followed, request)


def log_failure(exc: Exception) -> None:
    """Log why followers were not told of something now: the class of an error, or its code."""
    code = exc.code if isinstance(exc, TherapyError) else type(exc).__name__
    log.warning("what is followed was not read, or not listened for", extra={"code": code})


def _answer(
    follower: Follower, followed: FollowedSessions, request: Request[Actor, str, Any]
) -> Stream:
    every = request.app.state.therapy.installation.login_check.every.total_seconds()
    pace = StreamPace(check=every / CHECKS_PER_MEMORY)
    messages = _messages(follower, pace, _check_of(request))

    async def leave() -> None:
        followed.leave(follower)

    # Not in the messages' own `finally`: if the client goes away while one is sent, or before the first is
    # asked for, that comes when they are collected as garbage.
    return Stream(
        messages, media_type=MEDIA_TYPE, headers=dict(SENT), background=BackgroundTask(leave)
    )


def _check_of(request: Request[Actor, str, Any]) -> Callable[[], Awaitable[None]]:
    """Return what raises once the request's token has expired, or its login has ended."""
    therapy: Therapy = request.app.state.therapy
    here, actor, token = therapy.installation, request.user, request.auth

    async def check() -> None:
        here.sign_in.tokens.read(token, now=here.records.now())
        await here.login_check.require(actor)

    return check


async def _messages(
    follower: Follower, pace: StreamPace, check: Callable[[], Awaitable[None]]
) -> AsyncIterator[bytes]:
    """Yield messages; those that are told at a time together, as each piece costs the server some time."""
    yield ServerSentEventMessage(data=None, retry=RECONNECT_MS).encode()
    async for news in follower.stream(check, pace):
        yield b"".join(_message(*each) for each in news) or SIGN_OF_LIFE


def _message(event_id: str, event: SessionEvent) -> bytes:
    return ServerSentEventMessage(_data(event), event=EVENT, id=event_id).encode()


def _data(event: SessionEvent) -> bytes:
    names = FollowedSession.__struct_fields__
    return msgspec.json.encode({name: getattr(event, name) for name in names})


router = Router("/", route_handlers=[follow_sessions], tags=["sessions"])
