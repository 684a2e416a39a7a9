"""How calls grow with the practice: what lists, searches, submitting and sweeping take, up to 1e6 sessions.

One therapist has 95 closed sessions and 20 to review at every size, so that lists have equal rows, and the
names that are searched are 50 from 1,000 sessions on. Another therapist has half of all sessions, up to
10,000, and submits; the rest have 200 each; every tenth session brings a new patient, up to 100,000. The
practice grows in one directory; at each size `therapy serve` is started over it and asked, one call after
another. The ratios are to the same call at 1,000 sessions: of the 95th percentile, which is the machine's,
too, and of the CPU of all processes of the server.

    .venv/bin/python benchmarks/growth.py                  to 100,000: 3 minutes of CPU, 1.3 GB of disk
    .venv/bin/python benchmarks/growth.py --to 1000000     half an hour and 13 GB
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from msgspec.structs import replace

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    Server,
    cpu_seconds,
    data_directory,
    family,
    running_server,
    seed,
)
from benchmarks.growing_practice import (  # noqa: E402 - the path comes first
    OF_ONE_THERAPIST,
    WANTED,
    Names,
    Writer,
    fill,
    patients,
    sessions,
)
from therapy.adapters.local.sqlite.database import FILE_NAME, Database  # noqa: E402 - the path comes first
from therapy.adapters.local.sqlite.store import SqliteStore  # noqa: E402 - the path comes first
from therapy.config import read_settings  # noqa: E402 - the path comes first
from therapy.domain.people import Person  # noqa: E402 - the path comes first
from therapy.domain.session import State  # noqa: E402 - the path comes first
from therapy.repositories.people import People  # noqa: E402 - the path comes first
from therapy.wiring import open_therapy  # noqa: E402 - the path comes first

BUSY = "alex.lebed2@example.health"
"""The therapist who has most sessions."""

MOST_OF_BUSY = 10_000
MOST_PATIENTS = 100_000
FIRST = 1_000
"""The size that others are compared with."""

LISTED, REVIEWED = 95, 20
ROUNDS, SWEEPS = 100, 40

MISS = "zzqqxx"


class Answered(NamedTuple):
    """What a call took at the 95th percentile and in CPU on average, in ms, and how many rows it answered."""

    p95: float
    rows: int
    cpu: float


class Practice:
    """A practice in a directory, which grows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.names = Names()
        self.ids = itertools.count()
        self.closed = self.patients = self.of_busy = 0

    async def grow(self, size: int) -> None:
        """Add what is missing to have so many closed sessions, and sessions to review anew."""
        async with Database.open(self.directory / FILE_NAME) as database:
            people = People(SqliteStore(database, lambda: datetime.now(UTC)))
            small, busy = await people.by_email(THERAPIST), await people.by_email(BUSY)
        await fill(self.directory, lambda writer: self._steps(writer, size, small, busy))

    def _steps(
        self, writer: Writer, size: int, small: Person, busy: Person
    ) -> Iterator[Awaitable[None]]:
        wanted = min(MOST_PATIENTS, size // 10)
        yield from patients(writer, small.practice_id, range(self.patients, wanted), self.names)
        self.patients = wanted
        if not self.closed:
            yield from self._sessions(writer, small, LISTED)
            yield from self._sessions(writer, small, REVIEWED, State.AWAITING_REVIEW)
        yield from self._sessions(writer, busy, REVIEWED, State.AWAITING_REVIEW)
        more = min(MOST_OF_BUSY, size // 2) - self.of_busy
        self.of_busy += more
        yield from self._sessions(writer, busy, more)
        while self.closed < size:
            other = replace(
                small, id=f"invented-therapist-{self.closed}", full_name="Somebody Else"
            )
            yield from self._sessions(writer, other, min(OF_ONE_THERAPIST, size - self.closed))

    def _sessions(
        self, writer: Writer, therapist: Person, number: int, state: State = State.CLOSED
    ) -> Iterator[Awaitable[None]]:
        if state is State.CLOSED:
            self.closed += number
        ids = itertools.islice(self.ids, number)
        return sessions(writer, therapist, ids, self.names, state)


def p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


class Caller:
    """Somebody who is signed in to a server."""

    def __init__(self, server: Server, email: str) -> None:
        self.pid = server.pid
        account = {"email": email, "password": PASSWORD}
        answer = httpx.post(f"{server.url}/auth/login", json=account).raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        self.client = httpx.Client(base_url=server.url, headers=headers, timeout=60)

    def asked(self, path: str, query: str | None = None) -> Answered:
        """Return what a GET takes; the first answers, which read from the disk, do not count."""
        params = {} if query is None else {"query": query}
        answer = [self.client.get(path, params=params) for _ in range(5)][-1]
        times = []
        before = self._cpu()
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            answer = self.client.get(path, params=params)
            times.append((time.perf_counter() - begin) * 1e3)
        cpu = (self._cpu() - before) * 1e3 / ROUNDS
        return Answered(p95(times), len(answer.raise_for_status().json()), cpu)

    def submitted(self) -> Answered:
        """Return what submitting takes, of every session that awaits review; CPU with the scoring."""
        times = []
        waiting = [each["id"] for each in self.client.get("/data/pending").json()]
        before = self._cpu()
        for session_id in waiting:
            path = f"/data/transcript/{session_id}"
            lines = self.client.get(path).json()["transcript"]
            sent = [
                {name: line[name] for name in ("speaker", "text", "timestamp")} for line in lines
            ]
            begin = time.perf_counter()
            self.client.put(path, json=sent).raise_for_status()
            times.append((time.perf_counter() - begin) * 1e3)
        while self.client.get("/data/pending").json() or time.perf_counter() < begin + 2:
            time.sleep(0.1)
        return Answered(p95(times), len(times), (self._cpu() - before) * 1e3 / len(times))

    def _cpu(self) -> float:
        return sum(map(cpu_seconds, family(self.pid)))


def calls(server: Server) -> dict[str, Answered]:
    """Return what every call takes."""
    small, busy = Caller(server, THERAPIST), Caller(server, BUSY)
    sessions_of, people = "/sessions/search", "/profiles/search"
    return {
        "inbox": small.asked("/data/pending"),
        "list": small.asked("/sessions/me"),
        "search of 95 sessions": small.asked(sessions_of, "session"),
        "search of most sessions: miss": busy.asked(sessions_of, MISS),
        "search of most sessions: hit": busy.asked(sessions_of, WANTED),
        "people search: miss": small.asked(people, MISS),
        "people search: hit": small.asked(people, WANTED),
        "people search: two letters": small.asked(people, "qj"),
        "submit, and its scoring": busy.submitted(),
    }


async def swept(directory: Path) -> Answered:
    """Return what a sweep takes that finds nothing to do."""
    settings = read_settings({"THERAPY_DATA_DIR": str(directory)})
    async with open_therapy(settings) as therapy:
        sweep, times, cpu = therapy.installation.sweep, [], time.process_time()
        for _ in range(SWEEPS):
            begin = time.perf_counter()
            await sweep.once()
            times.append((time.perf_counter() - begin) * 1e3)
        cpu = (time.process_time() - cpu) * 1e3 / SWEEPS
    return Answered(p95(times[1:]), 0, cpu)


def shown(size: int, found: dict[str, Answered], before: dict[str, Answered]) -> None:
    """Print what was found at one size, beside what it was at FIRST."""
    for name, each in found.items():
        line = f"{size:>9,} {name:<29} {each.rows:>5} {each.p95:>8.1f} {each.cpu:>8.2f}"
        if name in before:
            line += f" {each.p95 / before[name].p95:>8.2f} {each.cpu / before[name].cpu:>8.2f}"
        print(line, flush=True)


def measure(directory: Path, to: int) -> None:
    """Let a practice grow, and print what calls take at each size."""
    seed(directory)
    practice, before = Practice(directory), {}
    print(
        f"{'sessions':>9} {'call':<29} {'rows':>5} {'p95 ms':>8} {'CPU ms':>8} {'p95':>8} {'CPU':>8}"
    )
    for size in (10**power for power in range(2, 7) if 10**power <= to):
        began, cpu = time.perf_counter(), time.process_time()
        asyncio.run(practice.grow(size))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        file = (directory / FILE_NAME).stat().st_size / MB
        note = f"{practice.patients:,} patients, {file:,.0f} MB, written in {took:.0f} s"
        print(f"{size:>9,} {note} ({cpu:.0f} s of CPU)", flush=True)
        with running_server(directory) as server:
            found = calls(server)
        found["sweep"] = asyncio.run(swept(directory))
        shown(size, found, before)
        before = found if size == FIRST else before


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=int, default=100_000, help="the most sessions")
    asked_for = parser.parse_args()
    with data_directory() as directory:
        measure(directory, asked_for.to)


if __name__ == "__main__":
    main()
