"""Outbox in Cosmos DB; `CosmosSessions.commit` writes it, the index of what is due finds it."""

from datetime import datetime

from therapy.adapters.azure.cosmos import partition
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS
from therapy.adapters.azure.cosmos.due import DueIndex
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.domain.outbox import OutboxItem, SessionRef
from therapy.ports.outbox import Outbox


class CosmosOutbox(Outbox):
    """Items of all sessions."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.sessions
        self._due = DueIndex(cosmos)

    async def pending(self, practice_id: str, session_id: str) -> tuple[OutboxItem, ...]:
        pk = partition.of_session(practice_id, session_id)
        found = await self._container.query(pk, "c.kind = 'item'", select="c.position, c.body")
        found.sort(key=lambda each: str(each["position"]))
        return tuple(partition.read_body(OutboxItem, each) for each in found)

    async def update(self, practice_id: str, item: OutboxItem) -> None:
        pk = partition.of_session(practice_id, item.session_id)
        for _ in range(ATTEMPTS):
            stored = await self._container.read(pk, partition.item_id(item.id))
            if stored is None:
                return
            if stamp(item.due_at) < stored["due"]:
                await self._due.announce(practice_id, item.session_id, items=(item.due_at,))
            fields = partition.item_fields(item, stored["position"])
            if await self._container.replace(stored, fields):
                return
        raise contended()

    async def done(self, practice_id: str, session_id: str, item_id: str) -> None:
        pk = partition.of_session(practice_id, session_id)
        await self._container.delete(pk, partition.item_id(item_id))

    async def overdue(self, now: datetime, limit: int) -> tuple[SessionRef, ...]:
        found = await self._due.find(now, limit, "items")
        return tuple(SessionRef(each.practice_id, each.session_id) for each in found)
