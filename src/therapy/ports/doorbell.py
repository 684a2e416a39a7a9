"""Doorbell: tells workers that a session has work. The store is the truth, a ring only saves time."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

Answer = Callable[[str, str], Awaitable[None]]
"""Called with the practice id and the session id of a ring."""


class Doorbell(ABC):
    """Rings may be lost, doubled or out of order: that changes nothing but latency."""

    @abstractmethod
    async def ring(self, practice_id: str, session_id: str) -> None:
        """Tell some worker that this session has work.

        Raises:
            Unavailable: nobody can be told now; the sweep will.
        """

    @abstractmethod
    async def listen(self, answer: Answer, *, at_once: int) -> None:
        """Answer rings, up to `at_once` at the same time, until cancelled; then wait for no answer.

        An answer that raises is logged by the class of its error only; listening goes on.
        """
