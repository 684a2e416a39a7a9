"""What the store in SQLite adds to its promises: errors of the file, other processes, what is read for it."""

import sqlite3
import threading
from asyncio import gather
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import HOUR, NOW, SECOND
from therapy.adapters.local.sqlite.database import READERS, Database
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.errors import StorageFull, Unavailable
from therapy.ports.store import MOST_WRITES, Delete
from therapy.testing.clock import Clock
from therapy.testing.store.items import PARTITION, create, due_ids, ids, one, refused_place, replace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database: Database, clock: Clock) -> SqliteStore:
    return SqliteStore(database, clock)


async def everything(database: Database) -> str:
    return await database.read(lambda connection: "\n".join(connection.iterdump()))


# --- the file ------------------------------------------------------------------------------------


async def test_what_was_written_is_there_when_the_file_is_opened_again(
    path: Path, clock: Clock
) -> None:
    async with Database.open(path, synchronous="OFF") as database:
        await SqliteStore(database, clock).commit(PARTITION, [create("a")])
        before = await one(SqliteStore(database, clock), "a")
    async with Database.open(path, synchronous="OFF") as database:
        assert await one(SqliteStore(database, clock), "a") == before


async def test_a_file_that_another_process_holds_is_unavailable(path: Path, clock: Clock) -> None:
    async with Database.open(path, synchronous="OFF", patience_ms=50) as database:
        store = SqliteStore(database, clock)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(Unavailable, match="BUSY"):
                await store.commit(PARTITION, [create("a")])
            with pytest.raises(Unavailable, match="BUSY"):
                await store.purge(1)
            assert await ids(store) == []
        finally:
            other.close()
        await store.commit(PARTITION, [create("a")])


async def test_a_full_disk_is_storage_full_and_changes_nothing(
    database: Database, store: SqliteStore
) -> None:
    await store.commit(PARTITION, [create("a")])
    pages = "PRAGMA max_page_count = 10"
    await database.write(lambda connection: connection.execute(pages).fetchone())
    with pytest.raises(StorageFull):
        await store.commit(PARTITION, [replace("a", 1), create("b", body=b"b" * 2**20)])
    assert [(item.id, item.version) for item in await store.list(PARTITION)] == [("a", 1)]


async def test_what_was_deleted_is_not_kept(database: Database, store: SqliteStore) -> None:
    await store.commit(PARTITION, [create("a", kind="secret-a"), create("b", kind="secret-b")])
    await store.commit(PARTITION, [Delete(id="a"), replace("b", 1, kind="open")])
    assert "secret" not in await everything(database)


async def test_what_has_expired_is_kept_until_it_is_purged(
    database: Database, store: SqliteStore, clock: Clock
) -> None:
    await store.commit(PARTITION, [create("a", kind="secret", expires_at=NOW + SECOND)])
    clock.now += HOUR
    assert "secret" in await everything(database)
    assert await store.purge(10) == 1
    assert "secret" not in await everything(database)


async def test_of_two_processes_that_create_an_id_at_once_one_wins(
    path: Path, store: SqliteStore, clock: Clock
) -> None:
    async with Database.open(path, synchronous="OFF") as other:
        stores = [store, SqliteStore(other, clock)] * 8
        refused = await gather(*(refused_place(each, [create("a")]) for each in stores))
    assert Counter(refused) == {None: 1, 0: 15}


# --- what is read --------------------------------------------------------------------------------


async def instructions(database: Database, call: Awaitable[Any]) -> int:
    """Return how many instructions SQLite ran for a call, in the readers' threads and on the event loop."""
    ran: Counter[None] = Counter()
    every_reader = threading.Barrier(READERS)  # none answers before all have been asked

    def count(connection: sqlite3.Connection) -> None:
        every_reader.wait()
        connection.set_progress_handler(lambda: ran.update([None]), 1)

    def stop(connection: sqlite3.Connection) -> None:
        every_reader.wait()
        connection.set_progress_handler(None, 1)

    await gather(*(database.read(count) for _ in range(READERS)))
    await database.read_now(lambda here: here.set_progress_handler(lambda: ran.update([None]), 1))
    before = ran.total()
    await call
    asked = ran.total() - before
    await gather(*(database.read(stop) for _ in range(READERS)))
    await database.read_now(lambda here: here.set_progress_handler(None, 1))
    return asked


async def test_a_page_costs_the_same_however_much_there_is(
    database: Database, store: SqliteStore
) -> None:
    """Of what is due in nine queues, and of a partition, forwards and backwards."""
    queues = [f"queue-{at}" for at in range(9)]

    async def cost() -> list[int]:
        calls = [
            due_ids(store, *queues, limit=10),
            ids(store, limit=10),
            ids(store, limit=10, backwards=True),
            store.get(PARTITION, "0000", "0001"),
        ]
        return [await instructions(database, call) for call in calls]

    async def fill(least: int, most: int) -> None:
        for at in range(least, most, MOST_WRITES):
            numbers = range(at, at + MOST_WRITES)
            writes = [create(f"{n:04}", queue=queues[n % 9], due_at=NOW) for n in numbers]
            await store.commit(PARTITION, writes)

    await fill(0, 100)
    little = await cost()
    await fill(100, 5_000)
    assert await cost() == little
    assert all(0 < each < 2_000 for each in little)
