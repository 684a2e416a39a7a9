"""Doorbell: tells workers that there is work on a session. The store is the truth; a ring only saves time."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

Ring = tuple[str, str]
"""The practice id and the session id that a ring names."""

Answer = Callable[[Sequence[Ring]], Awaitable[None]]
"""Called with the rings that have come, oldest first, each session's once."""


class Doorbell(ABC):
    """Wakes workers. Rings may be lost, duplicated or out of order: that only affects latency."""

    @abstractmethod
    async def ring(self, practice_id: str, session_id: str) -> None:
        """Tell one of the workers that there is work on this session.

        Raises:
            Unavailable: no worker can be told now; the sweep rings again.
        """

    @abstractmethod
    async def listen(self, answer: Answer) -> None:
        """Answer rings until cancelled, as many together as have come.

        None is received here before those before have been answered: other listeners receive them. If
        an answer raises, only the class of its error is logged, and listening goes on.
        """
