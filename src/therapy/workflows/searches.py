"""Searches: how many may be under way in this process, one of each person at a time, and for how long.

A search that takes too long is cancelled, which adapters pass on to their store; so no search keeps a
thread, a connection or another person's search waiting for longer than `within`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from therapy.domain.access import Actor
from therapy.domain.errors import TooMuchAtOnce, Unavailable

AT_ONCE = 2
"""The searches that run at the same time; the others wait."""

T = TypeVar("T")


class Searches:
    """Runs searches; `most_of_one` and `most_in_all` may be under way, those that wait included."""

    def __init__(
        self,
        *,
        most_of_one: int = 4,
        most_in_all: int = 20,
        within: timedelta = timedelta(milliseconds=500),
    ) -> None:
        self._most_of_one = most_of_one
        self._most_in_all = most_in_all
        self._within = within
        self._running = asyncio.Semaphore(AT_ONCE)
        self._of_one: dict[str, asyncio.Lock] = {}
        self._under_way: dict[str, int] = {}

    async def run(self, actor: Actor, search: Callable[[], Awaitable[T]]) -> T:
        """Return what a search finds, once the person's earlier ones are over.

        Raises:
            TooMuchAtOnce: the person has too many searches under way.
            Unavailable: too many are under way in all, or this one takes too long.
        """
        async with self._counted(actor.person_id), self._of_one[actor.person_id], self._running:
            try:
                async with asyncio.timeout(self._within.total_seconds()):
                    return await search()
            except TimeoutError:
                raise Unavailable("search_too_slow", retry_after=1) from None

    @asynccontextmanager
    async def _counted(self, person_id: str) -> AsyncIterator[None]:
        count = self._under_way.get(person_id, 0)
        if count >= self._most_of_one:
            raise TooMuchAtOnce("too_many_searches", retry_after=1)
        if sum(self._under_way.values()) >= self._most_in_all:
            raise Unavailable("searches_busy", retry_after=1)
        self._under_way[person_id] = count + 1
        self._of_one.setdefault(person_id, asyncio.Lock())
        try:
            yield
        finally:
            self._under_way[person_id] -= 1
            if not self._under_way[person_id]:
                del self._under_way[person_id], self._of_one[person_id]
