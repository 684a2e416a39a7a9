"""Outbox in memory."""

from datetime import datetime

from therapy.adapters.memory.shelf import MemoryShelf
from therapy.domain import codec
from therapy.domain.outbox import OutboxItem, SessionRef
from therapy.ports.outbox import Outbox


class MemoryOutbox(Outbox):
    """Items stay in the order in which `MemorySessions.commit` wrote them."""

    def __init__(self, shelf: MemoryShelf) -> None:
        self._shelf = shelf

    async def pending(self, practice_id: str, session_id: str) -> tuple[OutboxItem, ...]:
        partition = self._shelf.partitions.get((practice_id, session_id))
        stored = partition.outbox.values() if partition else ()
        return tuple(codec.decode(OutboxItem, each) for each in stored)

    async def update(self, practice_id: str, item: OutboxItem) -> None:
        partition = self._shelf.partitions.get((practice_id, item.session_id))
        if partition is not None and item.id in partition.outbox:
            partition.outbox[item.id] = codec.encode(item)

    async def done(self, practice_id: str, session_id: str, item_id: str) -> None:
        partition = self._shelf.partitions.get((practice_id, session_id))
        if partition is not None:
            partition.outbox.pop(item_id, None)

    async def overdue(self, now: datetime, limit: int) -> tuple[SessionRef, ...]:
        found = []
        for (practice_id, session_id), partition in self._shelf.partitions.items():
            moments = [codec.decode(OutboxItem, each).due_at for each in partition.outbox.values()]
            if moments and min(moments) <= now:
                found.append((min(moments), SessionRef(practice_id, session_id)))
        return tuple(ref for _, ref in sorted(found, key=lambda each: each[0])[: max(0, limit)])
