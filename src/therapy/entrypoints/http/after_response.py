"""Jobs that run after the response, so that its time reveals nothing about them: sending letters.

They are not part of the request: a stopping server waits for its requests, and a letter may take minutes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

MOST = 100
"""The most jobs at a time, so that requests faster than letters can be sent don't fill the memory."""

TICK_SECONDS = 0.5
"""Jobs begin together on this beat, so that the request after one does not meet what it costs."""


class AfterResponse:
    """Runs jobs besides the requests; at the end cancels what is not done and waits for it."""

    def __init__(self, tick_seconds: float = TICK_SECONDS) -> None:
        self._tick = tick_seconds
        self._jobs: set[asyncio.Task[None]] = set()

    def begin(self, job: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Begin a job with the next tick; return False without doing so if there are too many."""
        if len(self._jobs) >= MOST:
            return False
        task = asyncio.create_task(self._with_the_next_tick(job))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return True

    async def _with_the_next_tick(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await asyncio.sleep(self._tick - asyncio.get_running_loop().time() % self._tick)
        await job()

    async def settled(self) -> None:
        """Wait until all jobs have ended."""
        if self._jobs:
            await asyncio.wait(set(self._jobs))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for job in self._jobs:
            job.cancel()
        await self.settled()
