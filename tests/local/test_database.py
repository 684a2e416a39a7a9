"""The SQLite file: its schema and backups, what its errors become, crashes and other processes."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.builders import NOW, PRACTICE, SESSION, a_version, an_entry
from tests.local.writer import SHARED, TIMES
from therapy.adapters.local.sqlite.database import SEARCHERS, Database
from therapy.adapters.local.sqlite.migration import Step, back_up, known_steps, migrate
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.domain.errors import InvalidInput, StorageFull, Unavailable
from therapy.domain.outbox import RunDue
from therapy.ports.store import Create, Refused, Replace
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition

ROOT = Path(__file__).resolve().parents[2]
AN_ITEM = Create(id="first", kind="note", body=b"")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "therapy.sqlite3"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with Database.open(path, synchronous="OFF") as opened:
        yield opened


def store_in(database: Database) -> SqliteStore:
    return SqliteStore(database, lambda: NOW)


def records_in(database: Database) -> Records:
    return Records(store_in(database), now=lambda: NOW, new_id=lambda: "new")


def writer(what: str, path: Path, name: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.local.writer", what, str(path.parent), name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


# --- schema and backups --------------------------------------------------------------------------

STEPS = (
    Step("CREATE TABLE notes (text TEXT) STRICT;\nCREATE INDEX by_text ON notes (text);"),
    Step("ALTER TABLE notes ADD COLUMN mood TEXT;\nUPDATE notes SET mood = 'a; b'; -- two\n"),
)


def opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(exist_ok=True)
    return sqlite3.connect(path, isolation_level=None)


def version_of(path: Path) -> int:
    connection = opened(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def mode_of(path: Path) -> int:
    return path.stat().st_mode


def backups_of(path: Path) -> list[str]:
    return [each.name for each in path.parent.glob("*.before-*")]


def foreign(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"what somebody else keeps here" * 100)


async def test_a_new_file_has_the_newest_schema_and_is_private(
    database: Database, path: Path
) -> None:
    await database.check()
    assert version_of(path) == len(known_steps())
    assert [mode_of(each) & 0o077 for each in (path, path.parent)] == [0, 0]
    assert not backups_of(path)


async def test_the_file_is_opened_as_it_should_be(database: Database) -> None:
    def settings(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "foreign_keys", "busy_timeout", "secure_delete")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await database.read(settings) == ["wal", 1, 5000, 1]
    assert await database.write(settings) == ["wal", 1, 5000, 1]


async def test_every_commit_is_on_the_disk_unless_asked_otherwise(path: Path) -> None:
    async with Database.open(path) as database:
        full = await database.write(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])
    assert full == 2


def test_steps_are_run_once_and_in_order(path: Path) -> None:
    connection = opened(path)
    migrate(connection, path, STEPS[:1])
    connection.execute("INSERT INTO notes VALUES ('kept')")
    migrate(connection, path, STEPS)
    migrate(connection, path, STEPS)
    assert connection.execute("SELECT text, mood FROM notes").fetchall() == [("kept", "a; b")]
    connection.close()
    assert version_of(path) == 2


def test_an_existing_file_is_copied_before_a_step_changes_it(path: Path) -> None:
    connection = opened(path)
    migrate(connection, path, STEPS[:1])
    connection.execute("INSERT INTO notes VALUES ('kept')")
    migrate(connection, path, STEPS)
    connection.close()
    backup = path.with_name("therapy.sqlite3.before-0002")
    assert backups_of(path) == [backup.name]
    assert version_of(backup) == 1
    assert mode_of(backup) & 0o077 == 0
    copy = opened(backup)
    assert copy.execute("SELECT * FROM notes").fetchall() == [("kept",)]
    copy.close()


def test_a_step_that_fails_leaves_everything_as_it_was(path: Path) -> None:
    connection = opened(path)
    migrate(connection, path, STEPS[:1])
    broken = (
        *STEPS[:1],
        Step("ALTER TABLE notes ADD COLUMN mood TEXT;\nINSERT INTO missing VALUES (1);"),
    )
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, path, broken)
    columns = connection.execute("PRAGMA table_info(notes)").fetchall()
    connection.close()
    assert len(columns) == 1
    assert version_of(path) == 1


async def test_a_file_of_a_newer_program_is_refused_and_left_alone(path: Path) -> None:
    connection = opened(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match=r"newer.*found=99") as caught:
        async with Database.open(path):
            pytest.fail("it was opened")
    assert caught.value.details["known"] == len(known_steps())
    assert version_of(path) == 99


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    foreign(path)
    with pytest.raises(Unavailable, match="NOTADB"):
        async with Database.open(path):
            pytest.fail("it was opened")


async def test_a_directory_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        async with Database.open(tmp_path / "file" / "therapy.sqlite3"):
            pytest.fail("it was opened")


async def test_several_may_open_a_new_file_at_once(path: Path) -> None:
    async def open_and_write() -> bool:
        async with Database.open(path) as database:
            try:
                await store_in(database).commit("p", [AN_ITEM])
            except Refused:
                return False
            return True

    assert sorted(await asyncio.gather(*(open_and_write() for _ in range(6)))) == [False] * 5 + [
        True
    ]


def test_a_backup_of_a_file_in_use_is_whole(path: Path) -> None:
    connection = opened(path)
    connection.execute("PRAGMA journal_mode = WAL")
    migrate(connection, path, STEPS)
    connection.execute("INSERT INTO notes VALUES ('in the log', '')")
    back_up(path, path.with_name("copy"))
    connection.close()
    copy = opened(path.with_name("copy"))
    assert copy.execute("SELECT text FROM notes").fetchall() == [("in the log",)]
    copy.close()


# --- what goes wrong -----------------------------------------------------------------------------


async def test_a_write_that_raises_is_dropped(database: Database) -> None:
    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO therapists VALUES (1, 'p', 't')")
        raise Unavailable

    with pytest.raises(Unavailable):
        await database.write(write)
    assert await database.read(lambda c: c.execute("SELECT * FROM therapists").fetchall()) == []


async def test_a_read_can_not_hold_up_or_see_half_a_write(database: Database) -> None:
    def read_twice(connection: sqlite3.Connection) -> tuple[int, int]:
        count = "SELECT count(*) FROM items"
        first = connection.execute(count).fetchone()[0]
        asyncio.run_coroutine_threadsafe(write(), loop).result()
        return first, connection.execute(count).fetchone()[0]

    async def write() -> None:
        await store_in(database).commit("p", [AN_ITEM])

    loop = asyncio.get_running_loop()
    assert await database.read(read_twice) == (0, 0)


async def test_a_file_that_another_process_holds_is_unavailable(path: Path) -> None:
    async with Database.open(path, patience_ms=50) as database:
        other = opened(path)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(Unavailable, match="BUSY"):
                await store_in(database).commit("p", [AN_ITEM])
        finally:
            other.close()
        await store_in(database).commit("p", [AN_ITEM])


async def test_a_full_disk_is_storage_full_and_changes_nothing(database: Database) -> None:
    store = store_in(database)
    await store.commit("p", [AN_ITEM])
    pages = "PRAGMA max_page_count = 10"
    await database.write(lambda connection: connection.execute(pages).fetchone())
    longer = Replace(id="first", version=1, kind="note", body=b"")
    with pytest.raises(StorageFull):
        await store.commit("p", [longer, Create(id="text", kind="text", body=b"x" * 2**20)])
    assert [(item.id, item.version) for item in await store.list("p")] == [("first", 1)]


async def test_a_text_that_is_no_unicode_is_refused_without_quoting_it(database: Database) -> None:
    with pytest.raises(InvalidInput) as caught:
        await SqliteSessionIndex(database).get(PRACTICE, "said \ud800")
    assert "said" not in str(caught.value)


async def test_our_own_mistakes_are_not_called_outages(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await database.read(lambda connection: connection.execute("SELECT nonsense"))


async def test_the_event_loop_goes_on_while_a_statement_runs(database: Database) -> None:
    slow = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
        "SELECT sum(i) FROM n"
    )
    asked = asyncio.ensure_future(database.read(lambda c: c.execute(slow).fetchone()))
    turns = 0
    while not asked.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await asked)[0] == 500_000_500_000
    assert turns > 3


async def test_what_was_said_in_a_removed_session_is_not_kept(database: Database) -> None:
    index = SqliteSessionIndex(database)
    await index.put(PRACTICE, an_entry(summary="a secret summary", words=("secretly",)))
    await index.remove(PRACTICE, SESSION)

    def everything(connection: sqlite3.Connection) -> str:
        return "\n".join(connection.iterdump())

    assert "secret" not in await database.read(everything)


# --- processes -----------------------------------------------------------------------------------


def integrity(connection: sqlite3.Connection) -> list[tuple[str]]:
    return connection.execute("PRAGMA integrity_check").fetchall()


@pytest.mark.slow
async def test_a_writer_that_is_killed_leaves_whole_changes_and_all_it_said(path: Path) -> None:
    said = 0
    for lines in (1, 20, 57):
        child = writer("commit", path, SESSION)
        assert child.stdout is not None
        for _ in range(lines):
            said = int(child.stdout.readline())
        child.kill()
        said = max([said, *(int(line) for line in child.stdout.read().splitlines())])
        child.stdout.close()
        child.wait()
        async with Database.open(path, synchronous="OFF") as database:
            records = records_in(database)
            session = await records.sessions.load(PRACTICE, SESSION)
            runs = await records.runs.of_session(PRACTICE, SESSION)
            pending = await records.outbox.pending(session_partition(PRACTICE, SESSION))
            assert await database.read(integrity) == [("ok",)]
            written = session.version
            assert written in {said, said + 1}
            assert session.transcript_number == written
            said_last = await records.transcripts.load(PRACTICE, SESSION, written)
            assert said_last == a_version(written, f"Number {written}")
        assert len(runs) == written
        assert [each.item.what for each in pending] == [
            RunDue(f"{at + 1}") for at in range(written)
        ]


@pytest.mark.slow
async def test_two_processes_share_one_file(path: Path) -> None:
    children = [writer("count", path, name) for name in ("left", "right")]
    for child in children:
        assert child.communicate(timeout=60)
        assert child.returncode == 0
    async with Database.open(path, synchronous="OFF") as database:
        records = records_in(database)
        session = await records.sessions.load(PRACTICE, SHARED)
        pending = await records.outbox.pending(session_partition(PRACTICE, SHARED))
    assert session.version == 2 * TIMES
    assert len(pending) == 2 * TIMES


COUNT_FOR_EVER = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
)


async def test_a_search_that_is_cancelled_frees_its_thread(database: Database) -> None:
    async def ask(statement: str) -> object:
        return await database.search(lambda connection: connection.execute(statement).fetchone())

    for _ in range(SEARCHERS + 1):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(COUNT_FOR_EVER), 0.05)
    async with asyncio.timeout(20):
        assert await ask("SELECT 1") == (1,)


async def test_reads_need_not_wait_for_searches(database: Database) -> None:
    searching = [
        asyncio.create_task(
            database.search(lambda connection: connection.execute(COUNT_FOR_EVER).fetchone())
        )
        for _ in range(SEARCHERS + 1)
    ]
    async with asyncio.timeout(20):
        await database.check()
    for each in searching:
        each.cancel()
    await asyncio.wait(searching)
    assert all(each.cancelled() for each in searching)
