"""What the suites of the store share: short words for writes, and which of a commit was refused.

Nothing here knows a family: the suites need the fixtures `store` and `clock`, whoever gives them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest

from therapy.ports.store import Check, Create, Item, Put, Refused, Replace, Store, Write
from therapy.testing.samples import NOW

PARTITION = "session|practice-1|session-1"
OTHER_PARTITION = "session|practice-1|session-2"

Losing = Callable[[], AbstractContextManager[object]]


def put(item_id: str, **fields: Any) -> Put:
    return Put(id=item_id, **{"kind": "note", "body": b"put"} | fields)


def create(item_id: str, **fields: Any) -> Create:
    return Create(id=item_id, **{"kind": "note", "body": b"created"} | fields)


def replace(item_id: str, version: int, **fields: Any) -> Replace:
    return Replace(id=item_id, version=version, **{"kind": "note", "body": b"replaced"} | fields)


def check(item_id: str, version: int) -> Check:
    return Check(id=item_id, version=version)


async def one(store: Store, item_id: str, partition: str = PARTITION) -> Item:
    """Return the item, which must be there."""
    return (await store.get(partition, item_id))[item_id]


async def ids(store: Store, partition: str = PARTITION, prefix: str = "", **how: Any) -> list[str]:
    return [item.id for item in await store.list(partition, prefix, **how)]


async def due_ids(store: Store, *queues: str, now: datetime = NOW, limit: int = 100) -> list[str]:
    return [item.id for item in await store.due(queues, now, limit)]


async def refused_place(
    store: Store, writes: Sequence[Write], partition: str = PARTITION
) -> int | None:
    """Commit and return which write was refused; None = the commit was done."""
    try:
        await store.commit(partition, writes)
    except Refused as refused:
        return refused.place
    return None


async def must_refuse(store: Store, *writes: Write, places: Sequence[int] = (0,)) -> None:
    """Commit what must be refused for one of these writes, and must change nothing."""
    before = await store.list(PARTITION)
    with pytest.raises(Refused) as caught:
        await store.commit(PARTITION, writes)
    assert caught.value.place in places
    assert await store.list(PARTITION) == before
