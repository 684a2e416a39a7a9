"""One SQLite file, the threads that use it and its upkeep; short single statements run on the event loop.

There is one writer, so that writes queue here and not at the file's lock, and a few readers, which can read
while it writes (WAL). Searches, which may take long, have threads of their own and keep no reader busy. A
function passed to `read`, `search` or `write` runs as one transaction.

A statement that an index answers takes 5 to 150 microseconds, and handing it to a thread and back 100 to 500,
while the two threads take the interpreter's lock from each other. So `read_now` runs it on the event loop,
waiting for no lock, unless such a statement has been slow a moment ago, as it is on a slow disk.
"""

import asyncio
import resource
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from therapy.adapters.local.sqlite.migration import EMPTY_THE_LOG, known_steps, migrate
from therapy.adapters.local.sqlite.migration_outcome import delete_copies
from therapy.domain.errors import InvalidInput, StorageFull, Unavailable

FILE_NAME = "therapy.sqlite3"
"""The name of the database in the data directory."""

BACKUP_FOLDER = "backup-in-progress"
"""The folder beside it that has a copy of the database, while `local/backup` copies it."""

READERS = 2
SEARCHERS = 2
STEPS = 1_000
"""After so many steps of SQLite a search looks whether it is still wanted: some 20 microseconds."""

SLOW_MS, SLOW_SECONDS = 10, 1.0
"""After a statement that took so long on the event loop, for so many seconds they run in reader threads."""

PATIENCE_MS = 5_000
"""How long to wait for another process that is writing."""

KEEP_COPIES = timedelta(days=30)

FIRST_WAIT_MS = 15
"""How long the first attempt to empty the log waits for readers; each later one waits four times as long.

The last, of 3.84 s, is more than three times the longest read (a search, 500 ms): SQLite waits for readers of
the log before it copies it, for those of the file, and again for those of the log.
"""

THIS_THREAD = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
"""Whose use of the machine is asked for: this thread's on Linux, elsewhere this process's."""

MERGED_AT_ONCE = 100
"""Pages of a full-text index that are merged in one transaction: about 20 ms."""

Synchronous = Literal["FULL", "NORMAL", "OFF"]
T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OUT = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Result codes that mean that the file can't be used now; any other is a bug of ours."""


def disk_reads() -> int:
    """Return how often this thread has waited for the disk to read."""
    return resource.getrusage(THIS_THREAD).ru_inblock


class Database:
    """An open database; created by `Database.open`."""

    def __init__(
        self,
        path: Path,
        synchronous: Synchronous,
        patience_ms: int,
        keep_copies: timedelta,
        disk_reads: Callable[[], int],
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._patience_ms = patience_ms
        self._keep_copies = keep_copies
        self._connections: list[sqlite3.Connection] = []
        self._here: sqlite3.Connection | None = None
        self._count_disk_reads = disk_reads
        self._slow_until, self._disk_reads = 0.0, disk_reads()
        self._own = threading.local()
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS, "sqlite-reader")
        self._searchers = ThreadPoolExecutor(SEARCHERS, "sqlite-searcher")

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        synchronous: Synchronous = "FULL",
        patience_ms: int = PATIENCE_MS,
        keep_copies: timedelta = KEEP_COPIES,
        disk_reads: Callable[[], int] = disk_reads,
    ) -> AsyncIterator["Database"]:
        """Yield the opened database, created or migrated first if necessary; close it at the end.

        FULL survives a power cut; NORMAL and OFF are for tests. `keep_copies` is how long copies from before
        a migration stay; `disk_reads` counts how often the calling thread has waited for the disk.

        Raises:
            Unavailable: the file can't be opened, or a newer program has written it.
        """
        database = cls(path, synchronous, patience_ms, keep_copies, disk_reads)
        try:
            await asyncio.get_running_loop().run_in_executor(database._writer, database._prepare)
            database._here = await asyncio.to_thread(database._connection_for_the_loop)
            yield database
        finally:
            await asyncio.to_thread(database._close)

    async def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Run `ask` in a reader thread, on a consistent snapshot; return its result."""
        return await self._run(self._readers, "BEGIN", ask)

    async def read_now(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Run `ask`, one statement that an index answers, on the event loop; in a thread if it could wait.

        It takes all rows before it looks at them: if one is damaged, the error would keep the statement, and
        with it the connection, at the state of before for as long as somebody keeps the error.
        """
        connection, began = self._here, time.perf_counter()
        if connection is None or began < self._slow_until:
            return await self._in_thread(self._readers, ask)
        try:
            result = ask(connection)
        except (sqlite3.Error, UnicodeEncodeError):
            return await self._in_thread(self._readers, ask)  # which waits, or says what is wrong
        ended = time.perf_counter()
        if ended - began > SLOW_MS / 1000 and self._disk_was_read():
            self._slow_until = ended + SLOW_SECONDS
        return result

    def _disk_was_read(self) -> bool:
        """Return whether this thread has waited for the disk since it was asked, not only for a processor."""
        before, self._disk_reads = self._disk_reads, self._count_disk_reads()
        return self._disk_reads > before

    async def search(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Run `ask` as `read` does, in a thread for searches; it ends soon if the caller is cancelled."""
        over = threading.Event()

        def watched(connection: sqlite3.Connection) -> T:
            connection.set_progress_handler(over.is_set, STEPS)
            try:
                return ask(connection)
            finally:
                connection.set_progress_handler(None, 0)

        try:
            return await self._run(self._searchers, "BEGIN", watched)
        finally:
            over.set()

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in the writer thread: committed if it returns, rolled back if it raises."""
        return await self._run(self._writer, "BEGIN IMMEDIATE", change)

    async def merge(self, table: str) -> None:
        """Write a full-text index anew, in short transactions: it keeps what was taken out until then.

        From SQLite 3.42 on it could overwrite that itself ('secure-delete').
        """
        pages = -MERGED_AT_ONCE  # negative: begin to merge everything that is there now
        while await self.write(partial(_merged, table=table, pages=pages)):
            pages = MERGED_AT_ONCE

    async def wipe(self, since: datetime) -> None:
        """Empty the log and delete the copies made since then, so that no file holds what was deleted.

        The copy of a backup that was killed is deleted, too.

        Readers go on meanwhile, and writers between the attempts: each waits longer for whoever still reads
        from the log.

        Raises:
            Unavailable: somebody, perhaps of another process, has read from the log all the time.
        """
        wait_ms = FIRST_WAIT_MS
        while not await self._in_thread(self._writer, partial(_log_emptied, wait_ms=wait_ms)):
            wait_ms *= 4
            if wait_ms > self._patience_ms:
                raise Unavailable(reason="database_log_in_use")
        await self._in_thread(self._writer, lambda _: delete_copies(self._path, since=since))
        await self._in_thread(self._writer, lambda _: _delete_of_backup(self._path))

    async def expire_copies(self, now: datetime) -> None:
        """Delete copies from before migrations that are older than they are kept."""
        before = now - self._keep_copies
        await self._in_thread(self._writer, lambda _: delete_copies(self._path, before=before))

    async def check(self) -> None:
        """Raise Unavailable if the database does not answer."""
        await self.read(lambda connection: connection.execute("SELECT 1 FROM items LIMIT 1"))

    async def _run(
        self, threads: ThreadPoolExecutor, begin: str, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        return await self._in_thread(threads, lambda c: _transaction(c, begin, work))

    async def _in_thread(
        self, threads: ThreadPoolExecutor, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        def run() -> T:
            with mapped():
                return work(self._connection())

        return await asyncio.get_running_loop().run_in_executor(threads, run)

    def _prepare(self) -> None:
        with mapped():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            migrate(self._connection(), self._path, known_steps())

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection, opened at its first use."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
        return connection

    def _connection_for_the_loop(self) -> sqlite3.Connection:
        """Return a connection that waits for nobody."""
        with mapped():
            connection = self._connect()
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=self._patience_ms / 1000,
            isolation_level=None,
            check_same_thread=False,  # closed by whoever closes the database
            cached_statements=256,
        )
        self._connections.append(connection)
        _use_wal(connection, self._patience_ms)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # erased text must not stay in free pages
        return connection

    def _close(self) -> None:
        self._here = None
        self._writer.shutdown()
        self._readers.shutdown()
        self._searchers.shutdown()
        for connection in self._connections:
            connection.close()


def _transaction(
    connection: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], T]
) -> T:
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _log_emptied(connection: sqlite3.Connection, *, wait_ms: int) -> bool:
    """Write the log to the database and cut it to nothing; return False if somebody reads from it."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
    try:
        (busy, _, _) = connection.execute(EMPTY_THE_LOG).fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy


def _merged(connection: sqlite3.Connection, *, table: str, pages: int) -> bool:
    """Merge so many pages of a full-text index; return False if there was nothing left to merge."""
    before = connection.total_changes
    connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 - names of ours
    return connection.total_changes - before > 1


def _delete_of_backup(path: Path) -> None:
    """Delete the copy of a backup that was killed: one that is at work would keep the log in use."""
    for copy in (path.parent / BACKUP_FOLDER).glob(f"{path.name}*"):
        copy.unlink(missing_ok=True)


def _use_wal(connection: sqlite3.Connection, patience_ms: int) -> None:
    """Switch to WAL, waiting for another process that is doing the same: SQLite itself doesn't wait then."""
    end = time.monotonic() + patience_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)


@contextmanager
def mapped() -> Iterator[None]:
    """Turn errors of SQLite and the file system into domain errors."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF  # the rest of the code is detail
        if code == sqlite3.SQLITE_FULL:
            raise StorageFull from exc
        if code not in _OUT:
            raise
        raise Unavailable(reason=str(getattr(exc, "sqlite_errorname", "sqlite"))) from exc
    except OSError as exc:
        raise Unavailable(reason=type(exc).__name__) from exc
    except UnicodeEncodeError:
        raise InvalidInput("text") from None  # the cause would quote the text


def micros(moment: datetime) -> int:
    """Return whole microseconds since 1970, the form in which moments are stored and compared."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
