"""Deflated bodies in SQLite: less to store, the same to read, whoever wrote them with which setting."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.azure.long_session import heard
from tests.builders import NOW, PRACTICE, a_session, a_version
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.packed_bodies import MARK, packed
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.errors import Unavailable
from therapy.ports.store import Create, Put, Replace
from therapy.repositories.change import Change
from therapy.repositories.sessions import Sessions
from therapy.repositories.transcripts import Transcripts
from therapy.testing.store.items import PARTITION

BODIES = (b"", b"{}", b"x" * 99, b"x" * 100, MARK, MARK + b"x" * 500, b"\x00" * 300)


async def written(store: SqliteStore, body: bytes = b"x" * 100) -> None:
    await store.commit(PARTITION, [Put(id="one", kind="note", body=body)])


async def read(store: SqliteStore) -> bytes:
    return (await store.get(PARTITION, "one"))["one"].body


def stored_bytes(path: Path) -> int:
    """Return how many bytes the file has for bodies."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT sum(length(body)) FROM items").fetchone()[0])


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("of_writer", [0, 100])
@pytest.mark.parametrize("of_reader", [0, 100])
async def test_every_body_is_read_as_it_was_written_whatever_is_set(
    database: Database, body: bytes, of_writer: int, of_reader: int
) -> None:
    await written(SqliteStore(database, lambda: NOW, pack_from=of_writer), body)
    reader = SqliteStore(database, lambda: NOW, pack_from=of_reader)
    assert await read(reader) == body
    assert [item.body for item in await reader.list(PARTITION)] == [body]
    assert [item.body async for item in reader.walk()] == [body]
    assert [item.body for item in await reader.list(PARTITION, bodies=False)] == [b""]


async def test_what_is_replaced_is_deflated_or_not_as_the_last_writer_has_it(
    database: Database, path: Path
) -> None:
    large = b"large " * 1_000
    packing, plain = (SqliteStore(database, lambda: NOW, pack_from=each) for each in (100, 0))
    await packing.commit(PARTITION, [Create(id="one", kind="note", body=large)])
    assert stored_bytes(path) < 100
    await plain.commit(PARTITION, [Replace(id="one", kind="note", body=large, version=1)])
    assert stored_bytes(path) == len(large)
    await packing.commit(PARTITION, [Replace(id="one", kind="note", body=large, version=2)])
    assert stored_bytes(path) < 100
    assert await read(plain) == large


async def test_unless_it_is_set_bodies_are_stored_as_programs_of_before_read_them(
    database: Database, path: Path
) -> None:
    body = b'{"schema_version":1}' * 1_000
    await written(SqliteStore(database, lambda: NOW), body)
    assert stored_bytes(path) == len(body)


async def test_a_transcript_of_fifty_minutes_takes_less_than_40_percent(
    database: Database, path: Path
) -> None:
    version, sizes = a_version(utterances=heard()), []
    for pack_from in (0, 4_096):
        store = SqliteStore(database, lambda: NOW, pack_from=pack_from)
        await written(store)
        transcripts = Transcripts(store)
        pending = [Sessions(store).write(a_session(id=f"{pack_from}"))]
        pending += await transcripts.new(
            PRACTICE, a_version(utterances=heard(), session_id=f"{pack_from}")
        )
        before = stored_bytes(path)
        await Change(*pending).commit(store)
        sizes.append(stored_bytes(path) - before)
        loaded = await transcripts.load_words(PRACTICE, f"{pack_from}", 1)
        assert loaded.utterances == version.utterances
    assert sizes[1] < 0.4 * sizes[0]


async def test_a_deflated_body_that_is_damaged_is_told(database: Database) -> None:
    store = SqliteStore(database, lambda: NOW, pack_from=100)
    await written(store)
    damage = "UPDATE items SET body = substr(body, 1, 15)"
    await database.write(lambda c: c.execute(damage))
    with pytest.raises(Unavailable, match="damaged"):
        await read(store)


def test_a_body_that_begins_like_a_deflated_one_is_deflated_itself() -> None:
    assert packed(MARK, 0) != MARK
