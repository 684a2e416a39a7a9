"""Doorbell: tells workers that there is work on a session. The store is the truth; a ring only saves time."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

Answer = Callable[[str, str], Awaitable[None]]
"""Called with the practice id and the session id of a ring."""


class Doorbell(ABC):
    """Wakes workers. Rings may be lost, duplicated or out of order: that only affects latency."""

    @abstractmethod
    async def ring(self, practice_id: str, session_id: str) -> None:
        """Tell one of the workers that there is work on this session.

        Raises:
            Unavailable: no worker can be told now; the sweep rings again.
        """

    @abstractmethod
    async def listen(self, answer: Answer, *, at_once: int) -> None:
        """Answer rings, up to `at_once` at the same time, until cancelled; then don't wait for answers.

        If an answer raises, only the class of its error is logged, and listening goes on.
        """
