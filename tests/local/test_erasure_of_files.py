"""SQLite's files after erasing: the log, the full-text index, copies; and who may be in the way."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders import DAY, HOUR, NOW, PRACTICE, THERAPIST, an_entry
from tests.file_search import files_with
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.errors import NotFound, Unavailable
from therapy.ports.store import Create, Delete

WORD = "xqvotlewump"
SECRET = Create(id="secret", kind="note", body=WORD.encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "therapy.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with Database.open(path, synchronous="OFF", keep_copies=DAY) as opened:
        yield opened


async def with_word_deleted(database: Database) -> SqliteStore:
    """A store in which the word was written and deleted."""
    store = SqliteStore(database, lambda: NOW)
    await store.commit("notes", [SECRET])
    await store.commit("notes", [Delete(id="secret")])
    return store


def a_copy(path: Path, made: datetime) -> Path:
    copy = path.with_name(f"{path.name}.before-0003")
    copy.write_bytes(WORD.encode())
    os.utime(copy, (made.timestamp(), made.timestamp()))
    return copy


async def test_the_copy_of_a_killed_backup_is_deleted(database, path):
    store = await with_word_deleted(database)
    copy = path.parent / "backup-in-progress" / path.name
    copy.parent.mkdir()
    copy.write_bytes(WORD.encode())
    await store.wipe_deleted(NOW)
    assert files_with(path.parent, [WORD]) == {}


# --- the log -------------------------------------------------------------------------------------


async def test_what_was_deleted_is_in_no_file_once_it_is_wiped(database, path):
    store = await with_word_deleted(database)
    assert files_with(path.parent, [WORD]).keys() == {f"{path.name}-wal"}
    await store.wipe_deleted(NOW)
    assert files_with(path.parent, [WORD]) == {}


async def test_wiping_waits_for_whoever_still_reads_what_was_deleted(database, path):
    store = await with_word_deleted(database)
    began, over = threading.Event(), threading.Event()

    def read(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT COUNT(*) FROM items").fetchone()
        began.set()
        over.wait(60)

    reading = asyncio.create_task(database.read(read))
    await asyncio.to_thread(began.wait, 60)
    wiping = asyncio.create_task(store.wipe_deleted(NOW))
    await store.commit("notes", [Create(id="meanwhile", kind="note", body=b"")])  # others go on
    assert not wiping.done()
    over.set()
    await asyncio.gather(reading, wiping)
    assert files_with(path.parent, [WORD]) == {}


async def test_wiping_says_so_if_somebody_reads_all_the_time_and_succeeds_later(
    path,
):
    async with Database.open(path, synchronous="OFF", patience_ms=50) as database:
        await with_a_reader_all_the_time(database, path)


async def with_a_reader_all_the_time(database: Database, path: Path) -> None:
    store = await with_word_deleted(database)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT COUNT(*) FROM items").fetchone()
        await store.commit("notes", [Create(id="later", kind="note", body=b"")])
        with pytest.raises(Unavailable, match="database_log_in_use"):
            await store.wipe_deleted(NOW)
        assert files_with(path.parent, [WORD])
    await store.wipe_deleted(NOW)
    assert files_with(path.parent, [WORD]) == {}


# --- the full-text index -------------------------------------------------------------------------


async def closed_sessions(index: SqliteSessionIndex) -> None:
    """Write entries of twenty closed sessions; one of them has the word."""
    for at in range(20):
        words = ("hello", f"word{at}", *((WORD,) if at == 7 else ()))
        entry = an_entry(session_id=f"session-{at}", words=words)
        await index.put(PRACTICE, entry)


async def found(index: SqliteSessionIndex, query: str) -> set[str]:
    entries = await index.search(PRACTICE, THERAPIST, query, "", 500)
    return {each.session_id for each in entries}


async def test_the_words_of_a_removed_session_are_in_no_file_and_those_of_others_are_found(
    database, path
):
    index = SqliteSessionIndex(database)
    await closed_sessions(index)
    assert await found(index, WORD) == {"session-7"}
    await index.remove(PRACTICE, "session-7")
    await database.wipe(NOW)
    assert files_with(path.parent, [WORD]) == {}
    assert await found(index, WORD) == set()
    assert len(await found(index, "hello")) == 19
    with pytest.raises(NotFound):
        await index.get(PRACTICE, "session-7")


async def test_a_removal_that_died_before_its_words_were_gone_is_finished_when_it_is_repeated(
    database, path
):
    index = SqliteSessionIndex(database)
    await closed_sessions(index)
    removing = asyncio.create_task(index.remove(PRACTICE, "session-7"))
    await asyncio.sleep(0)  # its first transaction is on the way to the thread that writes
    removing.cancel()
    await database.write(lambda _: None)  # and done
    await database.wipe(NOW)
    assert files_with(path.parent, [WORD])
    await index.remove(PRACTICE, "session-7")
    await database.wipe(NOW)
    assert files_with(path.parent, [WORD]) == {}


# --- copies from before migrations ---------------------------------------------------------------


async def test_a_copy_made_since_what_is_wiped_was_written_is_deleted(database, path):
    copy = a_copy(path, NOW + HOUR)
    await database.wipe(NOW)
    assert not copy.exists()


async def test_a_copy_from_before_what_is_wiped_stays(database, path):
    copy = a_copy(path, NOW - HOUR)
    await database.wipe(NOW)
    assert copy.exists()


async def test_a_copy_expires_when_the_store_is_purged(database, path):
    now = datetime.now(UTC)
    store, copy = SqliteStore(database, lambda: now), a_copy(path, now - DAY / 2)
    await store.purge(1)
    assert copy.exists()
    a_copy(path, now - 2 * DAY)
    await store.purge(1)
    assert not copy.exists()


async def test_a_copy_that_another_process_deletes_at_this_moment_is_in_nobodys_way(database, path):
    """It was found in the directory, and is gone when it is looked at; as a link that leads nowhere."""
    now = datetime.now(UTC)
    path.with_name(f"{path.name}.before-0002").symlink_to(path.with_name("gone"))
    copy = a_copy(path, now - 2 * DAY)
    await database.expire_copies(now)
    assert not copy.exists()
    copy = a_copy(path, NOW + HOUR)
    await database.wipe(NOW)
    assert not copy.exists()
