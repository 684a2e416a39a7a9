"""How calls grow with the practice: what lists, searches, submitting and sweeping take, up to 1e6 sessions.

One therapist has 95 closed sessions and 20 to review at every size, so that lists have equal rows, and the
names that are searched are 50 from 1,000 sessions on. Another therapist has half of all sessions, up to
10,000, and submits; the rest have 200 each, copies of those of one; every tenth session brings a new patient,
up to 100,000. There is a practice of each size; `therapy serve` is started over it and asked, one call after
another. The ratios are to the same call at 1,000 sessions: of the 95th percentile, which is the machine's,
too, and of the CPU of all processes of the server. Calls answer equal rows from 1,000 sessions on, or the
program ends with 1; but what is found by parts and by two letters grows.

    .venv/bin/python benchmarks/growth.py                  to 100,000: 3 minutes of CPU, 1.5 GB of disk
    .venv/bin/python benchmarks/growth.py --to 1000000     15 minutes and 15 GB
    .venv/bin/python benchmarks/growth.py --sizes 1000 1000000 --directory DIRECTORY
        only these two, and keep them: repeated, it measures what is there. --fill only writes them,
        --rounds N asks both in turn, N times, and prints the medians

A practice that was measured has 60 more closed sessions of the one who submits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
from msgspec.structs import replace

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
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
    copy_sessions,
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
SUBMITTED = 60
ROUNDS, SWEEPS = 100, 40

MISS = "zzqqxx"
PARTS_OF_ALL = "x lex"
"""No session of Alex Lebed's has this, but all have all its parts of three letters."""


FOUND_MORE = {"search of most sessions: parts", "people search: two letters"}
"""Calls that answer the more rows the more there are."""

NO_ANSWER = {"submit, and its scoring"}
"""Calls whose rows are what was sent."""


class Answered(NamedTuple):
    """What a call took at the 95th percentile and in CPU on average, in ms, and how many rows it answered."""

    p95: float
    rows: int
    cpu: float


class Practice:
    """A practice in a folder; what it has is noted beside its data once that is written."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._noted = folder / "practice.json"
        self.names = Names()
        self.has = {"closed": 0, "patients": 0, "busy": 0, "copied": 0, "reviewed": 0}
        if self._noted.exists():
            self.has |= json.loads(self._noted.read_text())

    @property
    def complete(self) -> bool:
        """Whether it was written to the end."""
        return self._noted.exists()

    def note(self) -> None:
        """Note what it has."""
        self._noted.write_text(json.dumps(self.has))

    def forget(self) -> None:
        """Note that it is not complete."""
        self._noted.unlink()

    async def people(self) -> tuple[Person, Person]:
        """Return the therapist whose lists are asked for, and the one who has most sessions."""
        async with Database.open(self.data / FILE_NAME) as database:
            people = People(SqliteStore(database, lambda: datetime.now(UTC)))
            return await people.by_email(THERAPIST), await people.by_email(BUSY)

    async def grow(self, size: int) -> None:
        """Add what is missing to have so many closed sessions."""
        small, busy = await self.people()
        await fill(self.data, lambda writer: self._steps(writer, size, small, busy))
        first = replace(small, id="invented-000000", full_name="Somebody Else")
        if not self.has["copied"] and self.has["closed"] + OF_ONE_THERAPIST <= size:
            numbers = range(OF_ONE_THERAPIST)
            await fill(self.data, lambda writer: sessions(writer, first, numbers, self.names))
            self.has["copied"] = OF_ONE_THERAPIST
            self.has["closed"] += OF_ONE_THERAPIST
        if self.has["copied"]:
            copy_sessions(self.data, small.practice_id, first.id, self._others(size))

    async def review_anew(self) -> None:
        """Have SUBMITTED sessions more to review, of the one who has most."""
        _, busy = await self.people()
        first = 500_000 + self.has["reviewed"]
        self.has["reviewed"] += SUBMITTED
        ids, state = range(first, first + SUBMITTED), State.AWAITING_REVIEW
        await fill(self.data, lambda writer: sessions(writer, busy, ids, self.names, state))
        self.note()

    def _steps(
        self, writer: Writer, size: int, small: Person, busy: Person
    ) -> Iterator[Awaitable[None]]:
        has = self.has
        wanted = min(MOST_PATIENTS, size // 10)
        yield from patients(writer, small.practice_id, range(has["patients"], wanted), self.names)
        has["patients"] = wanted
        if not has["closed"]:
            yield from sessions(writer, small, range(LISTED), self.names)
            waiting, state = range(LISTED, LISTED + REVIEWED), State.AWAITING_REVIEW
            yield from sessions(writer, small, waiting, self.names, state)
            has["closed"] = LISTED
        first, last = has["busy"], min(MOST_OF_BUSY, size // 2)
        yield from sessions(writer, busy, range(first, last), self.names)
        has["busy"] = last
        has["closed"] += last - first

    def _others(self, size: int) -> list[tuple[str, int]]:
        """Return further therapists, each with the number of their sessions."""
        others = []
        while self.has["closed"] < size:
            number = min(OF_ONE_THERAPIST, size - self.has["closed"])
            others.append((f"invented-{self.has['closed']:06}", number))
            self.has["closed"] += number
        return others


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
        first = [self.client.get(path, params=params) for _ in range(5)][-1].raise_for_status()
        times, answers = [], []
        before = self._cpu()
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            answers.append(self.client.get(path, params=params))
            times.append((time.perf_counter() - begin) * 1e3)
        cpu = (self._cpu() - before) * 1e3 / ROUNDS
        if different := [each.status_code for each in answers if each.content != first.content]:
            raise SystemExit(
                f"{path} {query or ''}: {len(different)} answers differ: {different[:3]}"
            )
        return Answered(p95(times), len(first.json()), cpu)

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
        "search of most sessions: parts": busy.asked(sessions_of, PARTS_OF_ALL),
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


def unequal(found: dict[int, dict[str, Answered]]) -> list[str]:
    """Return which calls did not answer the same number of rows at every size from FIRST on."""
    rows: dict[str, dict[int, int]] = {}
    for size, each in found.items():
        if size >= FIRST:
            for name, answered in each.items():
                rows.setdefault(name, {})[size] = answered.rows
    return [
        f"{name}: {', '.join(f'{rows} rows at {size:,}' for size, rows in of.items())}"
        for name, of in rows.items()
        if len(set(of.values())) > 1 and name not in FOUND_MORE | NO_ANSWER
    ]


def written(directory: Path, sizes: Sequence[int]) -> None:
    """Write a practice of each size that is not there yet, each from a copy of the one before."""
    before: Path | None = None
    for size in sizes:
        folder = directory / str(size)
        if not (practice := Practice(folder)).complete:
            shutil.rmtree(folder, ignore_errors=True)
            if before:
                shutil.copytree(before, folder)
                practice = Practice(folder)
                practice.forget()
            else:
                folder.mkdir(parents=True)
                seed(practice.data)
            began, cpu = time.perf_counter(), time.process_time()
            asyncio.run(practice.grow(size))
            practice.note()
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
            told = f"{took:.0f} s, {cpu:.0f} of CPU"
            print(f"{size:>9,} sessions, {practice.has['patients']:,} patients: {told}", flush=True)
        before = folder


def measured(folder: Path) -> dict[str, Answered]:
    """Return what every call takes in a practice."""
    practice = Practice(folder)
    asyncio.run(practice.review_anew())
    os.sync()  # else what is measured waits for the disk with all that was written before
    with running_server(practice.data) as server:
        found = calls(server)
    return found | {"sweep": asyncio.run(swept(practice.data))}


def middle(rounds: Sequence[dict[str, Answered]]) -> dict[str, Answered]:
    """Return the medians of what was measured several times."""
    return {
        name: Answered(
            statistics.median(each[name].p95 for each in rounds),
            rounds[0][name].rows,
            statistics.median(each[name].cpu for each in rounds),
        )
        for name in rounds[0]
    }


def measure(directory: Path, sizes: Sequence[int], rounds: int) -> None:
    """Ask the practices in turn; print what calls take at each size.

    Raises:
        SystemExit: with different rows, figures are of no use.
    """
    found = [{size: measured(directory / str(size)) for size in sizes} for _ in range(rounds)]
    print(
        f"{'sessions':>9} {'call':<29} {'rows':>5} {'p95 ms':>8} {'CPU ms':>8} {'p95':>8} {'CPU':>8}"
    )
    before: dict[str, Answered] = {}
    for size in sizes:
        numbers = middle([each[size] for each in found])
        shown(size, numbers, before)
        before = numbers if size == FIRST else before
    if differing := [line for each in found for line in unequal(each)]:
        raise SystemExit("answers differ:\n" + "\n".join(differing))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=int, default=100_000, help="the most sessions")
    parser.add_argument("--sizes", type=int, nargs="+", help="only these, in ascending order")
    parser.add_argument("--directory", type=Path, help="keep the practices there")
    parser.add_argument("--fill", action="store_true", help="only write them")
    parser.add_argument("--rounds", type=int, default=1, help="how often to ask each")
    asked = parser.parse_args()
    sizes = asked.sizes or [10**power for power in range(2, 7) if 10**power <= asked.to]
    with nullcontext(asked.directory) if asked.directory else data_directory() as directory:
        written(directory, sizes)
        if not asked.fill:
            measure(directory, sizes, asked.rounds)


if __name__ == "__main__":
    main()
