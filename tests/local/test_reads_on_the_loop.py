"""Small reads of the embedded database on the event loop; in a thread where they could wait."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.builders import NOW, PRACTICE, THERAPIST
from therapy.adapters.local.sqlite.database import SLOW_MS, Database
from therapy.adapters.local.sqlite.packed_bodies import MARK
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.session_status import SessionStatus
from therapy.ports.store import Create


async def test_a_small_read_needs_neither_a_thread_nor_a_transaction(database: Database) -> None:
    store, index = SqliteStore(database, lambda: NOW), SqliteSessionIndex(database)
    await store.commit("partition", [Create(id=each, kind="k", body=b"{}") for each in "ab"])
    statements: list[str] = []
    await database.read_now(lambda here: here.set_trace_callback(statements.append))
    before = set(threading.enumerate())
    assert set(await store.get("partition", "a", "b", "c")) == {"a", "b"}
    for states in ({SessionStatus.CLOSED}, {SessionStatus.AWAITING_REVIEW}):
        assert await index.of_therapist(PRACTICE, THERAPIST, states, "", 500) == ()
    assert await index.of_patient(PRACTICE, "patient", "", 500) == ()
    with pytest.raises(NotFound):
        await index.get(PRACTICE, "absent")
    assert [each.split()[0] for each in statements] == ["SELECT"] * 5
    assert set(threading.enumerate()) == before


async def test_a_read_that_finds_the_file_locked_waits_in_a_thread(
    database: Database, path: Path
) -> None:
    """What another connection has locked is waited for as ever, and the event loop goes on meanwhile."""
    here, asked = threading.current_thread(), list[threading.Thread]()

    def ask(connection: sqlite3.Connection) -> None:
        asked.append(threading.current_thread())
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")

    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(database.read_now(ask))
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert asked[0] is here
    assert not waiting.done()
    other.execute("ROLLBACK")
    await waiting
    assert [each is here for each in asked] == [True, False]
    other.close()


async def test_where_a_read_waits_for_the_disk_the_next_ones_are_made_in_threads(
    path: Path,
) -> None:
    """A slow read alone, as on a machine that is busy with other things, changes nothing."""
    waits = 0
    here = threading.current_thread()

    def slow(_: sqlite3.Connection) -> bool:
        time.sleep(SLOW_MS / 1000 + 0.005)
        return threading.current_thread() is here

    async with Database.open(path, synchronous="OFF", disk_reads=lambda: waits) as database:
        assert [await database.read_now(slow) for _ in range(3)] == [True] * 3
        waits += 1
        assert [await database.read_now(slow) for _ in range(3)] == [True, False, False]


async def test_after_a_damaged_record_reads_still_see_what_is_written(database: Database) -> None:
    """A statement that was not read to its end would keep the connection at the state of before."""
    store = SqliteStore(database, lambda: NOW)
    await store.commit("partition", [Create(id=each, kind="k", body=b"{}") for each in "abc"])
    damaged = "UPDATE items SET body = ? WHERE id = 'a'"
    await database.write(lambda connection: connection.execute(damaged, (MARK + b"damaged",)))
    with pytest.raises(Unavailable) as kept:  # as whoever logs it does, with its traceback
        await store.get("partition", "a", "b", "c")
    await store.commit("partition", [Create(id="later", kind="k", body=b"{}")])
    assert set(await store.get("partition", "later")) == {"later"}
    assert kept.value.code == "unavailable"
