"""Outbox: what follows from changes and has not happened yet. Written by `Sessions.commit`."""

from abc import ABC, abstractmethod
from datetime import datetime

from therapy.domain.outbox import OutboxItem, SessionRef


class Outbox(ABC):
    """Keeps consequences until they are delivered; each is delivered at least once."""

    @abstractmethod
    async def pending(self, practice_id: str, session_id: str) -> tuple[OutboxItem, ...]:
        """Give a session's items that are not done, in the order they were written."""

    @abstractmethod
    async def update(self, practice_id: str, item: OutboxItem) -> None:
        """Replace an item, e.g. to note a device that was told or the next attempt; gone is no error."""

    @abstractmethod
    async def done(self, practice_id: str, session_id: str, item_id: str) -> None:
        """Forget a delivered item. Idempotent."""

    @abstractmethod
    async def overdue(self, now: datetime, limit: int) -> tuple[SessionRef, ...]:
        """Give up to `limit` sessions of any practice, each once, that have an item due by `now`."""
