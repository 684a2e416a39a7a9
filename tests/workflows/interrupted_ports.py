"""Ports in memory that let others in between, count what was read, or fail, when a test says so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from therapy.adapters.memory.people_index import MemoryPeopleIndex
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.ports.store import Item, Store, SupportsWalk, Write

Hook = Callable[[str, Sequence[Any]], Awaitable[None]]
"""Called with a partition and the ids that were read, or the writes of a commit."""


async def nothing(partition: str, what: Sequence[Any]) -> None:
    """Do nothing."""


class InterruptedStore(Store):
    """Passes everything on; a test puts in what happens before a commit, after one, or after a read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.after_get: Hook = nothing
        self.before_commit: Hook = nothing
        self.after_commit: Hook = nothing
        self.gets: list[tuple[str, tuple[str, ...]]] = []
        self.lists: list[tuple[str, str]] = []

    def forget_reads(self) -> None:
        """Begin to note what is read."""
        self.gets.clear()
        self.lists.clear()

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        self.gets.append((partition, ids))
        found = await self.store.get(partition, *ids)
        await self.after_get(partition, ids)
        return found

    async def list(self, partition: str, prefix: str = "", **named: Any) -> tuple[Item, ...]:
        self.lists.append((partition, prefix))
        return await self.store.list(partition, prefix, **named)

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        await self.before_commit(partition, writes)
        await self.store.commit(partition, writes)
        await self.after_commit(partition, writes)

    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        return await self.store.due(queues, now, limit, after)

    async def purge(self, limit: int) -> int:
        return await self.store.purge(limit)

    async def walk(self) -> AsyncIterator[Item]:
        assert isinstance(self.store, SupportsWalk)
        async for item in self.store.walk():
            yield item


class FailingSessionIndex(MemorySessionIndex):
    """Raises `failure`, while there is one, in place of writing an entry."""

    failure: Exception | None = None

    async def put(self, practice_id, entry):
        if self.failure:
            raise self.failure
        await super().put(practice_id, entry)


class FailingPeopleIndex(MemoryPeopleIndex):
    """Raises `failure`, while there is one, in place of writing an entry."""

    failure: Exception | None = None

    async def put(self, practice_id, entry):
        if self.failure:
            raise self.failure
        await super().put(practice_id, entry)


class FailingRecordings(MemoryRecordings):
    """Raises `failure`, while there is one, in place of deleting or discarding."""

    failure: Exception | None = None

    async def delete(self, practice_id, key):
        if self.failure:
            raise self.failure
        await super().delete(practice_id, key)

    async def discard(self, practice_id, upload_id):
        if self.failure:
            raise self.failure
        await super().discard(practice_id, upload_id)


class FailingPush(MemoryPushSender):
    """Raises `failure`, while there is one, in place of sending."""

    def __init__(self, failure: Exception | None) -> None:
        super().__init__()
        self.failure = failure

    async def send(self, practice_id, device, push):
        if self.failure:
            raise self.failure
        return await super().send(practice_id, device, push)


class SlowPush(MemoryPushSender):
    """Sends once it is let go; remembers how many it began with."""

    def __init__(self) -> None:
        super().__init__()
        self.sending, self.go, self.begun = asyncio.Event(), asyncio.Event(), 0

    async def send(self, practice_id, device, push):
        self.begun += 1
        self.sending.set()
        await self.go.wait()
        return await super().send(practice_id, device, push)
