"""The one retry policy of the adapters, over tenacity: what passes, how long to wait, how often.

Only for calls that no kept library repeats by itself: Azure's SDKs, redis-py and firebase-admin have
policies of their own (`docs/adr/011-retries.md`). Every retry is logged by its kind, never by its words.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_never,
)

from therapy.domain.errors import TherapyError

SPREAD = 0.25
"""By which share a pause is longer or shorter, by chance, so that not all come back at once."""

T = TypeVar("T")
log = logging.getLogger(__name__)


def _nothing(_: Exception) -> None:
    """Stand for another side that names no pause."""


@dataclass(frozen=True)
class RetryPolicy:
    """Makes a call again after each of `pauses` (seconds), as long as its failure is one that passes.

    `event` is what the log says of a failure before the next try. `for_ever` repeats the last pause
    without end. `asked` reads from a failure how many seconds the other side wants us to wait, which
    is kept to; what is longer than `longest` is not waited for, and counts as a failure that stays.
    """

    event: str
    passes: Callable[[Exception], bool]
    pauses: Sequence[float]
    for_ever: bool = False
    asked: Callable[[Exception], float | None] = _nothing
    longest: float = 60.0

    async def call(self, what: Callable[[], Awaitable[T]]) -> T:
        """Return what the call returns, or raise what it raised last. May be used by many at once."""

        async def tried() -> T:  # tenacity would not wait for what a lambda returns
            return await what()

        retrying = AsyncRetrying(  # for each call anew: it keeps the state of its tries
            retry=retry_if_exception(self._worth_it),
            wait=self._pause,
            stop=stop_never if self.for_ever else stop_after_attempt(len(self.pauses) + 1),
            before_sleep=self._tell,
            reraise=True,
        )
        result: T = await retrying(tried)
        return result

    def _worth_it(self, exc: BaseException) -> bool:
        if not isinstance(exc, Exception) or not self.passes(exc) or _cancelled():
            return False
        return (self.asked(exc) or 0) <= self.longest

    def _pause(self, state: RetryCallState) -> float:
        asked = self.asked(_failure(state))
        if asked is not None:
            return asked
        # It is asked for a pause after the last try, too.
        number = min(state.attempt_number, len(self.pauses))
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - not a secret
        return self.pauses[number - 1] * spread if number else 0.0

    def _tell(self, state: RetryCallState) -> None:
        failure = _failure(state)
        told: dict[str, object] = {
            "error": type(failure).__name__,
            "attempt": state.attempt_number,
            "pause_s": round(state.upcoming_sleep, 2),
        }
        if isinstance(failure, TherapyError) and "reason" in failure.details:
            told["reason"] = failure.details["reason"]
        log.warning(self.event, extra=told)


def _cancelled() -> bool:
    """Tell whether this task was cancelled, and `asyncio.wait_for` of Python 3.11 forgot to say so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failure(state: RetryCallState) -> Exception:
    failure = state.outcome and state.outcome.exception()
    assert isinstance(failure, Exception)  # noqa: S101 - only then is there a next try
    return failure
