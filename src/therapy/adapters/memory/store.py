"""The store in memory: a dict of items per partition."""

import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from msgspec.structs import replace

from therapy.ports.store import (
    MOST_ITEMS,
    Check,
    Create,
    Delete,
    Item,
    Put,
    Refused,
    Replace,
    Store,
    Write,
    check_due,
    check_many,
    check_names,
    check_range,
    check_writes,
)


class MemoryStore(Store):
    """Keeps items in dicts. Every call is one step of the event loop, so nobody sees half a commit.

    It scans all items for those that are due or have expired, which only a test double may do.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._partitions: dict[str, dict[str, Item]] = {}

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        check_names(partition, *ids)
        found = {item_id: self._live(partition, item_id) for item_id in ids}
        return {item_id: item for item_id, item in found.items() if item is not None}

    async def list(
        self,
        partition: str,
        prefix: str = "",
        *,
        after: str = "",
        backwards: bool = False,
        limit: int = MOST_ITEMS,
        bodies: bool = True,
    ) -> tuple[Item, ...]:
        check_names(partition)
        check_range(prefix, after, limit)
        found = [
            item if bodies else replace(item, body=b"")
            for item in self._partitions.get(partition, {}).values()
            if item.id.startswith(prefix) and not self._is_over(item)
            if not after or (item.id < after if backwards else item.id > after)
        ]
        return tuple(sorted(found, key=lambda item: item.id, reverse=backwards)[:limit])

    async def list_many(self, partitions: Collection[str], prefix: str) -> tuple[Item, ...]:
        """Return the items of these partitions whose id begins with `prefix`: see `SupportsListMany`."""
        check_many(partitions, prefix)
        lists = [await self.list(each, prefix) for each in sorted(set(partitions))]
        return tuple(item for items in lists for item in items)

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        check_names(partition)
        check_writes(writes)
        for place, write in enumerate(writes):
            stored = self._live(partition, write.id)
            if _is_refused(write, stored.version if stored else None):
                raise Refused(place)
        for write in writes:
            self._write(partition, write)

    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        check_due(queues, now, limit, after)
        beyond = _place_when_due(after) if after else None
        found = [
            (_place_when_due(item), item)
            for item in self._all_live()
            if item.queue in queues and item.due_at is not None and item.due_at <= now
        ]
        found.sort(key=lambda each: each[0])
        return tuple(item for place, item in found if beyond is None or place > beyond)[:limit]

    async def purge(self, limit: int) -> int:
        expired = [
            (partition, item.id)
            for partition, items in self._partitions.items()
            for item in items.values()
            if self._is_over(item)
        ][: max(0, limit)]
        for partition, item_id in expired:
            del self._partitions[partition][item_id]
        return len(expired)

    async def walk(self) -> AsyncIterator[Item]:
        """Yield every item that has not expired when the iteration begins, as it is then."""
        for item in tuple(self._all_live()):
            yield item

    def _is_over(self, item: Item) -> bool:
        return item.expires_at is not None and item.expires_at <= self._now()

    def _live(self, partition: str, item_id: str) -> Item | None:
        item = self._partitions.get(partition, {}).get(item_id)
        return None if item is None or self._is_over(item) else item

    def _all_live(self) -> Iterator[Item]:
        for items in self._partitions.values():
            yield from (item for item in items.values() if not self._is_over(item))

    def _write(self, partition: str, write: Write) -> None:
        if isinstance(write, Delete):
            self._partitions.get(partition, {}).pop(write.id, None)
        elif isinstance(write, Put):
            item = Item(
                partition=partition,
                id=write.id,
                kind=write.kind,
                body=write.body,
                version=_next_version(write),
                queue=write.queue,
                due_at=_in_utc(write.due_at),
                expires_at=_in_utc(write.expires_at),
            )
            self._partitions.setdefault(partition, {})[write.id] = item


def _is_refused(write: Write, version: int | None) -> bool:
    """Return whether a write is refused, given the stored item's version (None = there is no item)."""
    match write:
        case Create():
            return version is not None
        case Replace() | Check():
            return version != write.version
        case Delete():
            return write.version is not None and version not in {None, write.version}
    return False


def _next_version(write: Put) -> int:
    match write:
        case Create():
            return 1
        case Replace():
            return write.version + 1
    return 1 + secrets.randbits(52)  # nobody has seen it, and a JSON number (a float) can hold it


def _place_when_due(item: Item) -> tuple[datetime, str, str]:
    due_at = cast("datetime", item.due_at)  # `check_due` and the filter see to it
    return due_at, item.partition, item.id


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
