"""Jobs that run after an answer, so that its time tells nothing of them: letters.

Not as part of the request: a server that stops waits for its requests, and a letter may wait for minutes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

MOST = 100
"""Jobs at one time: who asks more often than letters leave must not fill the memory."""


class AfterResponse:
    """Runs jobs beside the requests; leaving cancels what is not done and waits until it has ended."""

    def __init__(self) -> None:
        self._jobs: set[asyncio.Task[None]] = set()

    def begin(self, job: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Begin a job; False, and nothing begun, where there are too many."""
        if len(self._jobs) >= MOST:
            return False
        task = asyncio.create_task(job())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return True

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
