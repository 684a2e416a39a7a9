"""Following sessions in tests: a stream of events in this process, and publications that nobody receives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.builders import SESSION
from tests.workflows.memory_installation import ACTOR, MemoryInstallation
from therapy.adapters.memory.session_events import MemorySessionEvents
from therapy.domain.access import Actor
from therapy.domain.session_event import SessionEvent
from therapy.domain.session_status import SessionStatus
from therapy.ports.session_events import OnPublished
from therapy.workflows.followers import News, StreamPace

QUICK = StreamPace(quiet=60.0, pause=0.0, check=60.0)
PATIENCE = 60.0


class Lost(MemorySessionEvents):
    """Loses every publication."""

    async def publish(self, practice_id: str, session_id: str) -> None:
        """Do nothing."""


class Deaf(MemorySessionEvents):
    """Can't listen, such as on a file system without sockets."""

    @asynccontextmanager
    async def listen(self, on_published: OnPublished) -> AsyncIterator[None]:
        raise PermissionError
        yield


async def nothing_to_check() -> None:
    """Allow everything."""


@asynccontextmanager
async def following(
    installed: MemoryInstallation,
    session_id: str = SESSION,
    *,
    actor: Actor = ACTOR,
    last_event_id: str = "",
    pace: StreamPace = QUICK,
) -> AsyncIterator[AsyncIterator[News]]:
    """Follow a session, or all ("") of an actor's."""
    followed = installed.installation.followed_sessions
    follower = await followed.follow(actor, session_id, last_event_id=last_event_id)
    stream = follower.stream(nothing_to_check, pace)
    try:
        yield stream
    finally:
        followed.leave(follower)
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator


async def told(stream: AsyncIterator[News], state: SessionStatus) -> tuple[str, SessionEvent]:
    """Return the next event with this state, and its id."""
    async with asyncio.timeout(PATIENCE):
        async for news in stream:
            for event_id, event in news:
                if event.state is state:
                    return event_id, event
    raise AssertionError("the stream has ended")


async def next_of(stream: AsyncIterator[News]) -> News:
    async with asyncio.timeout(PATIENCE):
        return await anext(stream)


async def is_silent(stream: AsyncIterator[News]) -> bool:
    """Return whether nothing comes for a moment; the stream is of no use afterwards."""
    try:
        async with asyncio.timeout(0.1):
            await anext(stream)
    except TimeoutError:
        return True
    return False
