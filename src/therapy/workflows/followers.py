"""Followers: what each who follows sessions has to be told, and the stream of it.

A follower that does not read keeps one state for each session, however often they change.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from msgspec import Struct

from therapy.domain.access import Actor
from therapy.domain.errors import TherapyError
from therapy.domain.session_event import UNFINISHED, SessionEvent, event_id

News = list[tuple[str, SessionEvent]]
"""Events with their ids; none: there is no news, and the connection should be kept from being forgotten."""


class StreamPace(Struct, frozen=True):
    """Seconds: without news between two signs of life, at least between two news, between two checks."""

    quiet: float = 15.0
    pause: float = 0.5
    check: float = 1.5


class Follower:
    """Somebody who follows one session, or all of theirs ("" as `session_id`).

    `told` has the sequence last told of each session; `expected` are those of which more is to come.
    """

    def __init__(self, actor: Actor, session_id: str, scope: str, told: dict[str, int]) -> None:
        self.actor, self.session_id = actor, session_id
        self.expected: set[str] = set()
        self._scope, self._told = scope, told
        self._news: dict[str, SessionEvent] = {}
        self._wake = asyncio.Event()
        self._is_over = False

    def last(self, session_id: str) -> int:
        """Return the sequence last told of a session; -1 if nothing was."""
        news = self._news.get(session_id)
        return news.sequence if news else self._told.get(session_id, -1)

    def expect(self, session_id: str) -> None:
        """Note a session of which nothing is to be told now."""
        self.expected.add(session_id)

    def tell(self, event: SessionEvent) -> None:
        """Note what is to be told, unless it is known already."""
        if event.state in UNFINISHED:
            self.expected.add(event.session_id)
        else:
            self.expected.discard(event.session_id)
        if event.sequence > self.last(event.session_id):
            self._news[event.session_id] = event
            self._wake.set()

    def end(self) -> None:
        """End the stream, once what is noted is told."""
        self._is_over = True
        self._wake.set()

    async def stream(
        self, check: Callable[[], Awaitable[None]], pace: StreamPace
    ) -> AsyncIterator[News]:
        """Yield news, at most so often, until the end; or until `check` raises that access has ended."""
        clock = asyncio.get_running_loop().time
        checked, told = clock(), clock() - pace.pause
        while True:
            due = min(checked + pace.check, told + (pace.pause if self._news else pace.quiet))
            if not self._is_over:
                await self._woken(due - clock())
            now = clock()
            if now >= checked + pace.check and not await _passes(check):
                return
            checked = now if now >= checked + pace.check else checked
            if self._news and (self._is_over or now >= told + pace.pause):
                yield self._taken()
                told = clock()
            elif now >= told + pace.quiet:
                yield []
                told = clock()
            if self._is_over and not self._news:
                return

    async def _woken(self, seconds: float) -> None:
        """Wait for news, at most so long."""
        self._wake.clear()
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _taken(self) -> News:
        """Return all news; whoever has got only some of them by their ids is told all of them again."""
        before = event_id(self._scope, self._told)
        for session_id, event in self._news.items():
            self._told.pop(session_id, None)  # the newest comes last
            self._told[session_id] = event.sequence
        *others, last = self._news.values()
        self._news = {}
        return [*((before, each) for each in others), (event_id(self._scope, self._told), last)]


async def _passes(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        await check()
    except TherapyError:
        return False
    return True
