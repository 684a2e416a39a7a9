"""What an erasure takes in a practice with thousands of sessions, and what others wait for meanwhile.

On the embedded stores, synced to the disk as in production: cancelled sessions are erased by the workflow,
then the words of closed ones are taken out of the full-text index. Beside that one task reads and one writes,
first alone, then during the erasures: their medians and 99th percentiles are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.builders import NOW, PRACTICE, a_session, an_entry  # noqa: E402 - the path comes first
from therapy.adapters.local.recordings import FileRecordings  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.database import Database  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.store import SqliteStore  # noqa: E402 - the path comes first
from therapy.domain.session import State  # noqa: E402 - the path comes first
from therapy.domain.session_status import SessionStatus  # noqa: E402 - the path comes first
from therapy.ports.store import Create, Put  # noqa: E402 - the path comes first
from therapy.repositories.records import Records  # noqa: E402 - the path comes first
from therapy.repositories.sessions import session_partition  # noqa: E402 - the path comes first
from therapy.workflows.erasure import erase_cancelled  # noqa: E402 - the path comes first

WORDS = 1_500
"""Different words of an hour's talk."""

THERAPISTS = 25
Call = Callable[[], Awaitable[object]]


class Practice:
    """The stores, and a practice in them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.records = Records(
            SqliteStore(database, lambda: NOW), now=lambda: NOW, new_id=lambda: "new"
        )
        self.index = SqliteSessionIndex(database)
        self.recordings = FileRecordings(folder, reserve=0)

    async def add(self, number: int, text: bytes, words: Sequence[str]) -> None:
        """Write a session, closed if it has words and cancelled if not, and its entry."""
        session_id, store = f"session-{number}", self.records.store
        state = State.CLOSED if words else State.CANCELLED
        session = a_session(id=session_id, state=state, version=0)
        item = self.records.sessions.write(session).write
        body = Create(id="text-000001", kind="text", body=text)
        await store.commit(session_partition(PRACTICE, session_id), [item, body])
        entry = an_entry(
            session_id=session_id,
            therapist_id=f"therapist-{number % THERAPISTS}",
            state=SessionStatus(state.value),
            words=tuple(words),
        )
        await self.index.put(PRACTICE, entry)

    async def erase(self, number: int) -> None:
        await erase_cancelled(
            PRACTICE,
            f"session-{number}",
            records=self.records,
            recordings=self.recordings,
            session_index=self.index,
        )

    async def read(self) -> None:
        """Do what a list of sessions does."""
        await self.index.of_therapist(PRACTICE, "therapist-1", {SessionStatus.CLOSED}, "", 100)

    async def write(self) -> None:
        await self.records.store.commit("notes", [Put(id="note", kind="note", body=b"x" * 500)])


def talks(seed: int = 1) -> Callable[[], list[str]]:
    """Return what makes up the different words of a talk: common ones often, and three of its own."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word() -> str:
        return "".join(chance.choices(letters, k=chance.randrange(3, 11)))

    known = [word() for _ in range(20_000)]
    weights = list(itertools.accumulate(1 / (at + 1) ** 0.8 for at in range(len(known))))
    return lambda: [
        *{*chance.choices(known, cum_weights=weights, k=WORDS * 2)},
        *(word() for _ in range(3)),
    ]


async def timed(call: Call, until: asyncio.Task[object] | float) -> list[float]:
    """Call until the task is done, or for so many seconds; return the milliseconds of each call."""
    times, began = list[float](), time.perf_counter()
    while (
        not until.done() if isinstance(until, asyncio.Task) else time.perf_counter() - began < until
    ):
        start = time.perf_counter()
        await call()
        times.append((time.perf_counter() - start) * 1e3)
        await asyncio.sleep(0.005)
    return times


def told(name: str, times: Sequence[float]) -> None:
    if not times:
        return
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    print(
        f"{name:<44} {statistics.median(ordered):8.1f} {p99:8.1f} {ordered[-1]:8.1f} {len(ordered):6}"
    )


async def beside(practice: Practice, name: str, calls: Sequence[Call]) -> None:
    """Do the calls one after another while others read and write; print what all of them took."""
    taken = list[float]()

    async def all_of_them() -> None:
        for call in calls:
            start = time.perf_counter()
            await call()
            taken.append((time.perf_counter() - start) * 1e3)

    task = asyncio.create_task(all_of_them())
    reads, writes = await asyncio.gather(timed(practice.read, task), timed(practice.write, task))
    await task
    told(name, taken)
    told("  a list meanwhile", reads)
    told("  a commit meanwhile", writes)


async def measure(folder: Path, sessions: int, erased: int) -> None:
    path, text_of = folder / "therapy.sqlite3", talks()
    text = b"I slept better this week. " * 1_600
    async with Database.open(path, synchronous="OFF") as database:
        practice = Practice(database, folder)
        for number in range(sessions):
            await practice.add(number, text, text_of())
        for number in range(sessions, sessions + erased):
            await practice.add(number, text, ())
    print(f"{sessions} sessions, {path.stat().st_size / 1e6:.0f} MB")
    print(f"{'milliseconds':<44} {'median':>8} {'p99':>8} {'most':>8} {'times':>6}")
    async with Database.open(path) as database:
        practice = Practice(database, folder)
        alone = await asyncio.gather(timed(practice.read, 3.0), timed(practice.write, 3.0))
        told("a list, nothing being erased", alone[0])
        told("a commit, nothing being erased", alone[1])
        cancelled = range(sessions, sessions + erased)
        erasures = [lambda n=n: practice.erase(n) for n in cancelled]
        await beside(practice, "erasing a cancelled session", erasures)
        closed = range(0, sessions, max(1, sessions // 5))
        removals = [lambda n=n: practice.index.remove(PRACTICE, f"session-{n}") for n in closed]
        await beside(practice, "taking a closed session out of the index", removals)
        began = time.perf_counter()
        await database.wipe(NOW - timedelta(days=1))
        told("wiping after that", [(time.perf_counter() - began) * 1e3])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--erased", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="therapy-erasure-") as folder:
        asyncio.run(measure(Path(folder), asked.sessions, asked.erased))


if __name__ == "__main__":
    main()
