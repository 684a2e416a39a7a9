"""The two ends of the queue line: `python -m benchmarks.compare.queue_jobs work|ring FOLDER …`.

`work` is the product's worker, which notes in a file of FOLDER when each job began and ended. `ring` tells it
of sessions, a few at once, then of some one by one; it prints JSON when all jobs have ended.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from therapy.config import read_settings
from therapy.domain.session_status import IN_TURN_KINDS
from therapy.entrypoints.worker import working
from therapy.wiring import open_therapy
from therapy.workflows.run_worker import RunWorker

AT_ONCE = 8
"""Rings that are sent at once, as requests of as many phones would."""

PATIENCE = 60.0
Times = dict[str, tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class TimedWorker(RunWorker):
    """A worker that tells `note` when it began and ended to look at a session for work in turn.

    Of sessions that it looks at together, all began when their read did.
    """

    note: Callable[[str, float, float], None] = lambda *_: None

    async def work_on(self, practice_id: str, session_id: str) -> Any:
        began = time.time()
        done = await super().work_on(practice_id, session_id)
        if self.kinds >= IN_TURN_KINDS:
            self.note(session_id, began, time.time())
        return done

    async def without_work(self, sessions: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        began = time.time()
        idle = await super().without_work(sessions)
        if self.kinds >= IN_TURN_KINDS:
            for _, session_id in idle:
                self.note(session_id, began, time.time())
        return idle


async def work(path: Path) -> None:
    """Work until SIGTERM."""
    notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(session_id: str, began: float, ended: float) -> None:
        os.write(notes, f"{session_id} {began} {ended}\n".encode())

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_therapy(read_settings(os.environ)) as therapy:
        worker = therapy.installation.worker
        fields = {each.name: getattr(worker, each.name) for each in dataclasses.fields(worker)}
        timed = dataclasses.replace(therapy.installation, worker=TimedWorker(**fields, note=note))
        async with working(dataclasses.replace(therapy, installation=timed)):
            print("ready", flush=True)
            await stop.wait()


async def ring(
    folder: Path, therapist: str, singles: int, sessions: Sequence[str]
) -> dict[str, float]:
    """Ring for sessions and return when their jobs had begun and ended, as rates and milliseconds."""
    async with open_therapy(read_settings(os.environ)) as therapy:
        person = await therapy.installation.records.people.by_email(therapist)
        called: dict[str, float] = {}

        async def one(session_id: str) -> None:
            called[session_id] = time.time()
            await therapy.installation.doorbell.ring(person.practice_id, session_id)

        _forget(folder)  # what an earlier round left
        alone = [await _alone(one, each, folder) - called[each] for each in sessions[:singles]]
        _forget(folder)
        await _a_few_at_once(one, sessions)
        done = await _done(folder, len(sessions))
    delays = sorted(done[each][0] - called[each] for each in sessions)
    seconds = max(ended for _, ended in done.values()) - min(called.values())
    return {
        "count": len(done),
        "per_second": len(done) / seconds,
        "burst_p50_ms": median(delays) * 1000,
        "burst_p99_ms": delays[int(len(delays) * 0.99)] * 1000,
        "single_p50_ms": median(alone) * 1000 if alone else 0.0,
    }


async def _alone(one: Callable[[str], Awaitable[None]], session_id: str, folder: Path) -> float:
    """Ring for one session and return when its job had begun."""
    await one(session_id)
    until = time.time() + PATIENCE
    while session_id not in (found := _times(folder)):
        if time.time() > until:
            raise RuntimeError("a job was not done")
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.03)
    return found[session_id][0]


async def _a_few_at_once(one: Callable[[str], Awaitable[None]], sessions: Sequence[str]) -> None:
    async def some(start: int) -> None:
        for each in sessions[start::AT_ONCE]:
            await one(each)

    await asyncio.gather(*[some(start) for start in range(AT_ONCE)])


async def _done(folder: Path, count: int) -> Times:
    """Return when each job began and ended, once all have.

    Raises:
        RuntimeError: some had not after PATIENCE seconds.
    """
    until = time.time() + PATIENCE
    while len(found := _times(folder)) < count:
        if time.time() > until:
            raise RuntimeError(f"{count - len(found)} jobs were not done")
        await asyncio.sleep(0.05)
    return found


def _forget(folder: Path) -> None:
    for path in folder.glob("jobs-*"):
        os.truncate(path, 0)


def _times(folder: Path) -> Times:
    """Return when the first job of each session began and ended."""
    found: Times = {}
    for path in folder.glob("jobs-*"):
        for line in path.read_text().splitlines():
            session_id, began, ended = line.split()
            found.setdefault(session_id, (float(began), float(ended)))
    return found


def main() -> None:
    kind, folder, *more = sys.argv[1:]
    if kind == "work":
        asyncio.run(work(Path(folder) / f"jobs-{more[0]}"))
    else:
        therapist, singles, *sessions = more
        print(json.dumps(asyncio.run(ring(Path(folder), therapist, int(singles), sessions))))


if __name__ == "__main__":
    main()
