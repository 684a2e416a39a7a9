"""An answer that is asked for at most once in a while, however many want it: callers share it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """Asks when someone wants to know, at most once in `every`; meanwhile the answer stands.

    Callers wait together for the same answer; whoever goes away stops nothing. A failure is raised to those
    who wait, and stands no longer. `clock` gives seconds.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        every: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._every, self._clock = ask, every.total_seconds(), clock
        self._asking: asyncio.Task[T] | None = None
        self._asked_at = 0.0

    async def get(self) -> T:
        """Return the answer, at most `every` old; raise what asking raises."""
        asking, now = self._asking, self._clock()
        if asking is None or self._is_old(asking, now):
            asking = asyncio.ensure_future(self._answer())
            self._asking, self._asked_at = asking, now
        return await asyncio.shield(asking)

    def _is_old(self, asking: asyncio.Task[T], now: float) -> bool:
        if not asking.done():
            return False
        failed = asking.cancelled() or asking.exception() is not None
        return failed or now - self._asked_at >= self._every

    async def _answer(self) -> T:
        return await self._ask()
