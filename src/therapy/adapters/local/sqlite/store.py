"""The store in SQLite: one table of items, with an index of what is due and one of what expires."""

import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from sqlite3 import Connection
from typing import Any, cast

from therapy.adapters.local.sqlite.database import Database, micros
from therapy.adapters.local.sqlite.packed_bodies import packed, unpacked
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

WALK_PAGE = 100
"""How many items `walk` reads at a time, because bodies may be large."""

_BEFORE_ALL, _BEYOND_ALL = " ", "\x7f"
"""Characters that sort before and after every character of an id."""

_FROM_THE_FIRST = (-(2**62), "", "")
"""Sorts before every item that is due."""

_COLUMNS = "partition, id, version, kind, queue, due_at, expires_at, body"
_NO_BODY = _COLUMNS.replace("body", "x''")
_LIVE = "(expires_at IS NULL OR expires_at > ?)"

_GET = f"SELECT {_COLUMNS} FROM items WHERE partition = ? AND id IN (%s) AND {_LIVE}"  # noqa: S608 - constants
_DUE = (
    f"SELECT {_COLUMNS} FROM items WHERE queue = ? AND due_at <= ? AND {_LIVE} "  # noqa: S608 - constants
    "AND (due_at, partition, id) > (?, ?, ?) ORDER BY due_at, partition, id LIMIT ?"
)
_WALK = (
    f"SELECT {_COLUMNS} FROM items WHERE (partition, id) > (?, ?) AND {_LIVE} "  # noqa: S608 - constants
    "ORDER BY partition, id LIMIT ?"
)
_IS_THERE = "SELECT 1 FROM items WHERE partition = ? AND id = ?"
_CHECK = f"{_IS_THERE} AND version = ? AND {_LIVE}"
_DELETE = "DELETE FROM items WHERE partition = ? AND id = ?"
_DELETE_VERSION = _DELETE + " AND (version = ? OR expires_at <= ?)"
_REPLACE = (
    "UPDATE items SET version = version + 1, kind = ?, queue = ?, due_at = ?, expires_at = ?, "  # noqa: S608 - constants
    f"body = ? WHERE partition = ? AND id = ? AND version = ? AND {_LIVE}"
)
_PUT = (
    f"INSERT INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - constants
    "ON CONFLICT (partition, id) DO UPDATE SET version = excluded.version, kind = excluded.kind, "
    "queue = excluded.queue, due_at = excluded.due_at, expires_at = excluded.expires_at, "
    "body = excluded.body"
)
_CREATE = _PUT + " WHERE items.expires_at <= ?"
_PURGE = "DELETE FROM items WHERE rowid IN (SELECT rowid FROM items WHERE expires_at <= ? LIMIT ?)"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SqliteStore(Store):
    """Stores items. Every call is one transaction; the statements themselves skip expired items.

    Bodies of at least `pack_from` bytes are deflated; 0 = none.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], *, pack_from: int = 0
    ) -> None:
        self._database = database
        self._now = now
        self._pack_from = pack_from

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        check_names(partition, *ids)
        statement = _GET % ", ".join("?" * len(ids))
        values = (partition, *ids, micros(self._now()))

        def read(connection: Connection) -> Mapping[str, Item]:
            return {row[1]: _item(row) for row in connection.execute(statement, values).fetchall()}

        return await self._database.read_now(read)

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
        low, high = prefix, prefix + _BEYOND_ALL
        if after and backwards:
            high = min(high, after)
        elif after:
            low = max(low, after + _BEFORE_ALL)
        statement = (
            f"SELECT {_COLUMNS if bodies else _NO_BODY} FROM items "  # noqa: S608 - constants
            f"WHERE partition = ? AND id >= ? AND id < ? AND {_LIVE} "
            f"ORDER BY id {'DESC' if backwards else 'ASC'} LIMIT ?"
        )
        values = (partition, low, high, micros(self._now()), limit)
        return await self._database.read(
            lambda connection: tuple(map(_item, connection.execute(statement, values)))
        )

    async def list_many(self, partitions: Collection[str], prefix: str) -> tuple[Item, ...]:
        """Return the items of these partitions whose id begins with `prefix`: see `SupportsListMany`."""
        check_many(partitions, prefix)
        places = ", ".join("?" * len(partitions))
        statement = (
            f"SELECT {_COLUMNS} FROM items WHERE partition IN ({places}) "  # noqa: S608 - constants
            f"AND id >= ? AND id < ? AND {_LIVE} ORDER BY partition, id"
        )
        values = (*partitions, prefix, prefix + _BEYOND_ALL, micros(self._now()))
        return await self._database.read(
            lambda connection: tuple(map(_item, connection.execute(statement, values)))
        )

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        check_names(partition)
        check_writes(writes)
        now = micros(self._now())

        def write_all(connection: Connection) -> None:
            for place, write in enumerate(writes):
                if not _is_done(connection, partition, write, now, self._pack_from):
                    raise Refused(place)

        if writes:
            await self._database.write(write_all)

    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        check_due(queues, now, limit, after)
        beyond = _place_when_due(after) if after else _FROM_THE_FIRST
        values = (micros(now), micros(self._now()), *beyond, limit)

        def read(connection: Connection) -> tuple[Item, ...]:
            """Merge a cursor per queue, so that little more is read than is returned."""
            with ExitStack() as stack:
                cursors = [
                    stack.enter_context(closing(connection.execute(_DUE, (queue, *values))))
                    for queue in set(queues)
                ]
                rows = merge(*cursors, key=lambda row: (row[5], row[0], row[1]))
                return tuple(map(_item, islice(rows, limit)))

        return await self._database.read(read)

    async def purge(self, limit: int) -> int:
        now = self._now()
        await self._database.expire_copies(now)
        values = (micros(now), max(0, limit))
        return await self._database.write(
            lambda connection: connection.execute(_PURGE, values).rowcount
        )

    async def wipe_deleted(self, since: datetime) -> None:
        await self._database.wipe(since)

    async def walk(self) -> AsyncIterator[Item]:
        """Yield every item that has not expired, loaded page by page so that writers need not wait."""
        last = ("", "")
        while page := await self._database.read(self._after(last)):
            for item in page:
                yield item
            last = page[-1].partition, page[-1].id

    def _after(self, last: tuple[str, str]) -> Callable[[Connection], tuple[Item, ...]]:
        values = (*last, micros(self._now()), WALK_PAGE)
        return lambda connection: tuple(map(_item, connection.execute(_WALK, values)))


def _is_done(
    connection: Connection, partition: str, write: Write, now: int, pack_from: int
) -> bool:
    """Do one write; return whether it was done, not refused."""
    match write:
        case Check():
            values = (partition, write.id, _number(write.version), now)
            return connection.execute(_CHECK, values).fetchone() is not None
        case Delete(version=None):
            connection.execute(_DELETE, (partition, write.id))
            return True
        case Delete(version=int(version)):
            values = (partition, write.id, _number(version), now)
            deleted = connection.execute(_DELETE_VERSION, values).rowcount == 1
            stored = connection.execute(_IS_THERE, (partition, write.id))
            return deleted or stored.fetchone() is None
        case Put():
            return _is_put(connection, partition, write, now, packed(write.body, pack_from))
    return False


def _is_put(connection: Connection, partition: str, write: Put, now: int, body: bytes) -> bool:
    times = (_micros_or_none(write.due_at), _micros_or_none(write.expires_at))
    content = (write.kind, write.queue, *times, body)
    match write:
        case Replace():
            condition = (partition, write.id, _number(write.version), now)
            return connection.execute(_REPLACE, (*content, *condition)).rowcount == 1
        case Create():
            created = (partition, write.id, 1, *content, now)
            return connection.execute(_CREATE, created).rowcount == 1
    unread = 1 + secrets.randbits(52)  # nobody has seen it, and a JSON number (a float) can hold it
    connection.execute(_PUT, (partition, write.id, unread, *content))
    return True


def _number(version: int) -> int:
    """Return a version that SQLite can look for; 0, which no item has, if it is not a possible one."""
    return version if 0 < version < 2**63 else 0


def _micros_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _moment(number: int | None) -> datetime | None:
    return None if number is None else _EPOCH + timedelta(microseconds=number)


def _place_when_due(item: Item) -> tuple[int, str, str]:
    due_at = cast("datetime", item.due_at)  # `check_due` sees to it
    return micros(due_at), item.partition, item.id


def _item(row: tuple[Any, ...]) -> Item:
    partition, item_id, version, kind, queue, due_at, expires_at, body = row
    return Item(
        partition=partition,
        id=item_id,
        kind=kind,
        body=unpacked(body, kind),
        version=version,
        queue=queue,
        due_at=_moment(due_at),
        expires_at=_moment(expires_at),
    )
