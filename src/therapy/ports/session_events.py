"""Session events: tells whoever follows sessions which one has changed. The store is the truth, as ever."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

OnPublished = Callable[[str, str], None]
"""Called on the event loop with the practice id and the session id of a publication; returns at once."""


class SessionEvents(ABC):
    """Publishes that a session or its runs were written, to every process that listens.

    Publications may be lost, duplicated or out of order: that only affects latency. They carry ids only.
    """

    @abstractmethod
    async def publish(self, practice_id: str, session_id: str) -> None:
        """Tell everybody who listens that this session has changed.

        Raises nothing and waits for nobody who listens: what can't be published soon is lost.
        """

    @abstractmethod
    def listen(self, on_published: OnPublished) -> AbstractAsyncContextManager[None]:
        """Call `on_published` for what is published in any process while the body runs.

        Once the body begins nothing is missed, unless what connects the processes is away. If `on_published`
        raises, only the class of its error is logged, and listening goes on.
        """
