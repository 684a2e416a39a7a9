"""The store in SQLite beside plain statements on tables that each record has of its own: what a call takes.

Both are in one file and take turns, so that a busy machine slows both; the ratio of the medians counts. A
reference call and a call of the store do the same for a record, encoding and decoding included, but for
what is due: the reference finds runs only and returns their names, the store nine queues and whole items.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.builders import (  # noqa: E402 - the path comes first
    MINUTE,
    NOW,
    PRACTICE,
    SECOND,
    SESSION,
    a_run,
    a_session,
    a_version,
    an_item,
)
from therapy.adapters.local.sqlite.database import Database, micros  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.store import SqliteStore  # noqa: E402 - the path comes first
from therapy.domain import codec  # noqa: E402 - the path comes first
from therapy.domain.run import Run, beaten  # noqa: E402 - the path comes first
from therapy.domain.session import Session  # noqa: E402 - the path comes first
from therapy.ports.store import Create, Put, Replace  # noqa: E402 - the path comes first

PARTITION = f"session|{PRACTICE}|{SESSION}"
QUEUES = tuple(f"queue-{at}" for at in range(9))
PAGE = 100
WORDS = "I slept better this week. " * 1_000

Call = Callable[[], Awaitable[Any]]


TABLES = """
CREATE TABLE plain_sessions (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE plain_texts (id TEXT, number INTEGER, body BLOB NOT NULL, PRIMARY KEY (id, number)) STRICT;
CREATE TABLE plain_runs (session_id TEXT, id TEXT, version INTEGER NOT NULL, due_at INTEGER,
    body BLOB NOT NULL, PRIMARY KEY (session_id, id)) STRICT;
CREATE INDEX plain_runs_due ON plain_runs (due_at, session_id, id) WHERE due_at IS NOT NULL;
CREATE TABLE plain_outbox (position INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
    id TEXT NOT NULL, due_at INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (session_id, id)) STRICT;
CREATE INDEX plain_outbox_due ON plain_outbox (due_at, session_id);
"""
INSERT_RUN = "INSERT INTO plain_runs VALUES (?, ?, 1, ?, ?)"
SAVE_RUN = (
    "UPDATE plain_runs SET version = version + 1, due_at = ?, body = ? "
    "WHERE session_id = ? AND id = ? AND version = ?"
)


class Tables:
    """Sessions and runs in tables of their own, by the statements that were theirs before the store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.session, self.run = a_session(), a_run(due_at=NOW + MINUTE)
        self.version = self.run_version = 1

    async def fill(self, due: int) -> None:
        session, run = codec.encode(self.session), codec.encode(self.run)

        def write(connection: Connection) -> None:
            for statement in filter(str.strip, TABLES.split(";")):
                connection.execute(statement)
            connection.execute("INSERT INTO plain_sessions VALUES (?, 1, ?)", (SESSION, session))
            connection.execute(INSERT_RUN, (SESSION, "run-1", micros(NOW + MINUTE), run))
            runs = ((f"{at // PAGE}", f"{at % PAGE}", micros(NOW), run) for at in range(due))
            connection.executemany(INSERT_RUN, runs)

        await self.database.write(write)

    async def _body(self, statement: str) -> bytes:
        found = await self.database.read(lambda c: c.execute(statement, (SESSION,)).fetchone())
        return bytes(found[0])

    async def read(self) -> None:
        codec.decode(Session, await self._body("SELECT body FROM plain_sessions WHERE id = ?"))

    async def read_with_runs(self) -> None:
        await self.read()
        codec.decode(Run, await self._body("SELECT body FROM plain_runs WHERE session_id = ?"))

    async def commit(self) -> None:
        def write(connection: Connection) -> None:
            changed = connection.execute(
                "UPDATE plain_sessions SET version = version + 1, body = ? "
                "WHERE id = ? AND version = ?",
                (codec.encode(self.session), SESSION, self.version),
            ).rowcount
            text = codec.encode(a_version(self.version, WORDS))
            connection.execute(
                "INSERT INTO plain_texts VALUES (?, ?, ?)", (SESSION, self.version, text)
            )
            self._save_run(connection)
            for at in range(2):
                item = codec.encode(an_item(f"{at}", due_at=NOW))
                connection.execute(
                    "INSERT INTO plain_outbox (session_id, id, due_at, body) VALUES (?, ?, ?, ?)",
                    (SESSION, f"{self.version}-{at}", micros(NOW), item),
                )
            must_be_one(changed)

        await self.database.write(write)
        self.version, self.run_version = self.version + 1, self.run_version + 1

    def _save_run(self, connection: Connection) -> None:
        values = (micros(self.run.due_at), codec.encode(self.run))
        which = (SESSION, "run-1", self.run_version)
        must_be_one(connection.execute(SAVE_RUN, (*values, *which)).rowcount)

    async def beat(self) -> None:
        self.run = beaten(self.run, now=NOW, hold=30 * SECOND, stage="listening", progress=0.5)
        await self.database.write(self._save_run)
        self.run_version += 1

    async def due(self) -> None:
        statement = (
            "SELECT session_id, id FROM plain_runs WHERE due_at <= ? ORDER BY due_at LIMIT ?"
        )
        await self.database.read(lambda c: c.execute(statement, (micros(NOW), PAGE)).fetchall())


def must_be_one(changed: int) -> None:
    if changed != 1:
        raise SystemExit("a version did not match, so this measures nothing")


class Items:
    """The same records as items of the store."""

    def __init__(self, database: Database) -> None:
        self.store = SqliteStore(database, lambda: NOW)
        self.session, self.run = a_session(), a_run(due_at=NOW + MINUTE)
        self.version = self.run_version = 1

    async def fill(self, due: int) -> None:
        session, run = codec.encode(self.session), codec.encode(self.run)
        made = [Create(id="session", kind="session", body=session), self.a_run(Create, "run-1")]
        await self.store.commit(PARTITION, made)
        queues = itertools.cycle(QUEUES)
        for at in range(0, due, PAGE):
            writes = [
                Create(id=f"{n}", kind="run", body=run, queue=next(queues), due_at=NOW)
                for n in range(PAGE)
            ]
            await self.store.commit(f"session|{PRACTICE}|{at}", writes)

    def a_run(self, write: type[Put], item_id: str, **fields: Any) -> Put:
        body, due_at = codec.encode(self.run), self.run.due_at
        return write(id=item_id, kind="run", body=body, queue=QUEUES[0], due_at=due_at, **fields)

    async def read(self) -> None:
        found = await self.store.get(PARTITION, "session")
        codec.decode(Session, found["session"].body)

    async def read_with_runs(self) -> None:
        found = await self.store.get(PARTITION, "session", "run-1")
        codec.decode(Session, found["session"].body)
        codec.decode(Run, found["run-1"].body)

    async def commit(self) -> None:
        session = codec.encode(self.session)
        text = codec.encode(a_version(self.version, WORDS))
        items = [
            Create(
                id=f"item-{self.version:020}-{at}",
                kind="item",
                body=codec.encode(an_item(f"{at}", due_at=NOW)),
                queue=QUEUES[1],
                due_at=NOW,
            )
            for at in range(2)
        ]
        writes = [
            Replace(id="session", kind="session", body=session, version=self.version),
            Create(id=f"text-{self.version:06}", kind="text", body=text),
            self.a_run(Replace, "run-1", version=self.run_version),
            *items,
        ]
        await self.store.commit(PARTITION, writes)
        self.version, self.run_version = self.version + 1, self.run_version + 1

    async def beat(self) -> None:
        self.run = beaten(self.run, now=NOW, hold=30 * SECOND, stage="listening", progress=0.5)
        await self.store.commit(PARTITION, [self.a_run(Replace, "run-1", version=self.run_version)])
        self.run_version += 1

    async def due(self) -> None:
        await self.store.due(QUEUES, NOW, PAGE)


async def medians(calls: Sequence[Call], rounds: int) -> list[float]:
    """Return the median of each call in microseconds; they take turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            began = time.perf_counter()
            await call()
            times.append((time.perf_counter() - began) * 1e6)
    return [statistics.median(times) for times in taken]


async def compare(path: Path, due: int, rounds: int) -> None:
    async with Database.open(path) as database:
        tables, items = Tables(database), Items(database)
        await tables.fill(due)
        await items.fill(due)
        rows: dict[str, tuple[Call, Call]] = {
            "one record": (tables.read, items.read),
            "a session and its run": (tables.read_with_runs, items.read_with_runs),
            "a commit of five writes": (tables.commit, items.commit),
            "a beat of a run": (tables.beat, items.beat),
            f"{PAGE} of {due} due": (tables.due, items.due),
        }
        print(f"{'microseconds':<28} {'tables':>8} {'store':>8} {'ratio':>6}")
        for name, calls in rows.items():
            before, after = await medians(calls, rounds)
            print(f"{name:<28} {before:8.0f} {after:8.0f} {after / before:6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--due", type=int, default=100_000, help="how much is due")
    parser.add_argument("--rounds", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="therapy-store-") as folder:
        asyncio.run(compare(Path(folder) / "therapy.sqlite3", asked.due, asked.rounds))


if __name__ == "__main__":
    main()
