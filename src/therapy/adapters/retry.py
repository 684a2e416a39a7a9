"""The one retry policy of the adapters, over tenacity: what to retry, how often, after which pauses.

Only for calls that no maintained library retries itself: Azure's SDKs, redis-py and firebase-admin have
policies of their own (`docs/adr/011-retries.md`). Retries are logged with the error's class, never its text.
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
"""The share by which pauses are randomly longer or shorter, so that not all retry at the same moment."""

T = TypeVar("T")
log = logging.getLogger(__name__)


def _nothing(_: Exception) -> None:
    """Return None: the server asks for no pause."""


@dataclass(frozen=True)
class RetryPolicy:
    """Repeats a call after each of `pauses` (seconds) while `passes` says that its failure is temporary.

    `event` is the log line about a failure before the next try. `for_ever` repeats the last pause without
    end. `asked` returns how many seconds the server asks us to wait after a failure (None = it does not), and
    that is obeyed; if it is more than `longest`, the call is not repeated.
    """

    event: str
    passes: Callable[[Exception], bool]
    pauses: Sequence[float]
    for_ever: bool = False
    asked: Callable[[Exception], float | None] = _nothing
    longest: float = 60.0

    async def call(self, what: Callable[[], Awaitable[T]]) -> T:
        """Return what the call returns, or raise what it raised last. Many may use a policy at once."""
        try:
            return await what()  # nearly always all: tenacity takes 50 microseconds even then
        except Exception as exc:
            if not self._worth_it(exc):
                raise
            failure = exc
        return await self._repeated(what, failure)

    async def _repeated(self, what: Callable[[], Awaitable[T]], failure: Exception) -> T:
        """Return what the call returns after its first try, which has failed, counted as such."""
        first = [failure]

        async def tried() -> T:
            if first:
                raise first.pop()
            return await what()

        retrying = (
            AsyncRetrying(  # a new one for each call, because it keeps the state of its tries
                retry=retry_if_exception(self._worth_it),
                wait=self._pause,
                stop=stop_never if self.for_ever else stop_after_attempt(len(self.pauses) + 1),
                before_sleep=self._log,
                reraise=True,
            )
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
        # tenacity asks for a pause after the last try, too.
        number = min(state.attempt_number, len(self.pauses))
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - not a secret
        return self.pauses[number - 1] * spread if number else 0.0

    def _log(self, state: RetryCallState) -> None:
        failure = _failure(state)
        fields: dict[str, object] = {
            "error": type(failure).__name__,
            "attempt": state.attempt_number,
            "pause_s": round(state.upcoming_sleep, 2),
        }
        if isinstance(failure, TherapyError) and "reason" in failure.details:
            fields["reason"] = failure.details["reason"]
        log.warning(self.event, extra=fields)


def _cancelled() -> bool:
    """Return whether this task was cancelled, which `asyncio.wait_for` of Python 3.11 may swallow."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failure(state: RetryCallState) -> Exception:
    failure = state.outcome and state.outcome.exception()
    assert isinstance(failure, Exception)  # noqa: S101 - only then is there a next try
    return failure
