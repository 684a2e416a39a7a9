"""Searches: how many may be under way in this process, one of each person at a time, and for how long.

A search that takes too long is cancelled, which adapters pass on to their store; so no search keeps a
thread, a connection or another person's search waiting for longer than `within`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from therapy.domain.access import Actor
from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.domain.errors import Unavailable

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
        self._limit = ConcurrencyLimit(
            most_in_all,
            "searches_busy",
            of_one=most_of_one,
            too_many="too_many_searches",
            retry_after=1,
        )
        self._within = within
        self._running = asyncio.Semaphore(AT_ONCE)
        self._turns: dict[str, asyncio.Lock] = {}

    async def run(self, actor: Actor, search: Callable[[], Awaitable[T]]) -> T:
        """Return what a search finds, once the person's earlier ones are over.

        Raises:
            TooMuchAtOnce: the person has too many searches under way.
            Unavailable: too many are under way in all, or this one takes too long.
        """
        with self._counted(actor.person_id) as turn:
            async with turn, self._running:
                try:
                    async with asyncio.timeout(self._within.total_seconds()):
                        return await search()
                except TimeoutError:
                    raise Unavailable("search_too_slow", retry_after=1) from None

    @contextmanager
    def _counted(self, person_id: str) -> Iterator[asyncio.Lock]:
        """Count a search while the body runs; yield what to lock so that it is the person's turn."""
        with self._limit.counted(person_id):
            try:
                yield self._turns.setdefault(person_id, asyncio.Lock())
            finally:
                if self._limit.under_way(person_id) == 1:
                    del self._turns[person_id]
