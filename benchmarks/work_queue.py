"""The queue: 500 rings for sessions in which nothing is to be done, until a worker has looked into the store.

Processes of their own ring and work, through a real Valkey, over SQLite or (`--store cosmos`) the emulator.
Prints the jobs a second, p50 and p99 of the burst and of rings that come one by one, CPU, and how many
commands and reads a job costs; beside them the bare limit, an XADD and an XREAD for each job by the same
client. With `--old` another checkout takes turns. Judge by ratios: everything shares the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PRACTICE = "practice-1"
BETWEEN_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
SETTLED_SECONDS = 1.0
NUMBERS = itertools.count()


# In the processes that ring and work, whose program is that of either checkout.


class SeenStore:
    """A store that counts its calls, and notes when reading the runs of each session began and ended."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()
        self.seen_at: dict[str, tuple[float, float]] = {}

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)

        async def counted(*given: Any, **more: Any) -> Any:
            self.calls[name] += 1
            begun_at = time.monotonic()
            answer = await call(*given, **more)
            if "run-" in given:
                for partition in given[0] if name == "list_many" else given[:1]:
                    session_id = partition.rpartition("|")[2]
                    self.seen_at.setdefault(session_id, (begun_at, time.monotonic()))
            return answer

        return counted if callable(call) else call


@contextlib.asynccontextmanager
async def a_therapy(exchange: Callable[[Any], Any]) -> AsyncIterator[Any]:
    from therapy.config import read_settings
    from therapy.wiring import open_therapy

    async with open_therapy(read_settings(dict(os.environ)), exchange) as therapy:
        yield therapy


async def work() -> None:
    """Work as a worker does until stopped; then print what was seen when, and what it cost."""
    from dataclasses import replace

    from therapy.entrypoints.worker import working

    stopped = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGUSR1):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    stores = list[SeenStore]()

    def seen(ports: Any) -> Any:
        stores.append(SeenStore(ports.store))
        return replace(ports, store=stores[0])

    async with a_therapy(seen) as therapy, working(therapy):
        await asyncio.sleep(SETTLED_SECONDS)
        before, calls = cpu(), Counter(stores[0].calls)
        print("works", flush=True)
        await stopped.wait()
        seen_before = -1
        while len(stores[0].seen_at) > seen_before:  # it still works on what it has received
            seen_before = len(stores[0].seen_at)
            await asyncio.sleep(SETTLED_SECONDS)
        told = {"seen": stores[0].seen_at, "cpu": cpu() - before}
        print(json.dumps(told | {"calls": stores[0].calls - calls}), flush=True)


async def ring(name: str, number: int, seconds: float) -> None:
    """Ring `number` times, so many seconds apart; print when each ring was begun, and the CPU time."""
    async with a_therapy(lambda ports: ports) as therapy:
        doorbell = therapy.installation.doorbell
        await doorbell.ring(PRACTICE, f"{name}-first")
        await asyncio.sleep(SETTLED_SECONDS / 2)
        before, rung = cpu(), dict[str, float]()
        if seconds:
            for at in range(number):
                rung[f"{name}-{at}"] = time.monotonic()
                await doorbell.ring(PRACTICE, f"{name}-{at}")
                await asyncio.sleep(seconds)
        else:
            for at in range(number):
                rung[f"{name}-{at}"] = time.monotonic()
                await doorbell.ring(PRACTICE, f"{name}-{at}")
        print(json.dumps({"rung": rung, "cpu": cpu() - before}), flush=True)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def bare(port: int, number: int) -> float:
    """Return how many entries a second go through a stream, one XADD and one XREAD each."""
    from redis.asyncio import Redis

    redis = Redis(host="127.0.0.1", port=port)

    async def read() -> None:
        last, count = b"0", 0
        while count < number:
            ((_, entries),) = await redis.xread({"bare": last}, count=1, block=10_000)
            last, count = entries[-1][0], count + len(entries)

    async with redis:
        await redis.delete("bare")
        began = time.monotonic()
        reading = asyncio.create_task(read())
        for at in range(number):
            await redis.xadd("bare", {"session": f"session-{at}"})
        await reading
        return number / (time.monotonic() - began)


# In the process that measures.


class Checkout:
    """A checkout whose program is measured."""

    def __init__(self, name: str, root: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        own = {"PYTHONPATH": str(root / "src")}
        own["THERAPY_DATA_DIR"] = str(Path(environment["THERAPY_DATA_DIR"]) / name)
        self._environment = dict(environment) | own

    def start(self, *said: str) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, *said]
        return subprocess.Popen(
            command,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def migrate(self) -> None:
        therapy = [str(Path(sys.executable).parent / "therapy"), "migrate"]
        subprocess.run(therapy, env=self._environment, check=True, capture_output=True)


def measured(checkout: Checkout, redis: Any, *, jobs: int, workers: int) -> dict[str, float]:
    """Return what a burst costs in a checkout, and then what rings one by one take."""
    burst = one_round(checkout, redis, number=jobs, workers=workers, seconds=0.0)
    single = one_round(checkout, redis, number=50, workers=workers, seconds=BETWEEN_SECONDS)
    return burst | {"one by one p50 ms": single["p50 ms"], "one by one p99 ms": single["p99 ms"]}


def one_round(
    checkout: Checkout, redis: Any, *, number: int, workers: int, seconds: float
) -> dict[str, float]:
    name = f"r{next(NUMBERS)}"
    redis.flushall()
    at_work = [checkout.start("work") for _ in range(workers)]
    for each in at_work:
        if out(each).readline() != "works\n":
            raise SystemExit("a worker did not start")
    redis.config_resetstat()
    ringing = checkout.start("ring", name, str(number), str(seconds))
    rung = json.loads(out(ringing).readline())
    until_quiet(redis, number * seconds)
    commands = sum(each["calls"] for each in redis.info("commandstats").values())
    told = []
    for each in at_work:
        each.send_signal(signal.SIGUSR1)
        told.append(json.loads(out(each).readline()))
        each.wait()
    ringing.wait()
    seen: dict[str, list[float]] = {}
    for each in told:
        for session, moments in each["seen"].items():
            seen[session] = min(moments, seen.get(session, moments))
    took = sorted(seen[each][0] - at for each, at in rung["rung"].items() if each in seen)
    span = max(seen[each][1] for each in rung["rung"] if each in seen) - min(rung["rung"].values())
    calls = sum((Counter(each["calls"]) for each in told), Counter[str]())
    return {
        "jobs/s": len(took) / span,
        "seen": len(took),
        "p50 ms": 1000 * took[len(took) // 2],
        "p99 ms": 1000 * took[min(len(took) - 1, int(len(took) * 0.99))],
        "ring CPU ms": 1000 * rung["cpu"] / number,
        "work CPU ms": 1000 * sum(each["cpu"] for each in told) / number,
        "redis/job": commands / number,
        **{f"{call}/job": count / number for call, count in sorted(calls.items())},
    }


def out(process: subprocess.Popen[str]) -> Any:
    """Return what a process prints."""
    return process.stdout


def until_quiet(redis: Any, at_least: float) -> None:
    """Return once no ring waits, and whoever received the last one has had a second."""
    time.sleep(at_least)
    ends = time.monotonic() + PATIENCE_SECONDS
    while redis.llen("therapy-rings") and time.monotonic() < ends:
        time.sleep(0.05)
    time.sleep(2 * SETTLED_SECONDS)


@contextlib.contextmanager
def environment_of(store: str) -> Iterator[dict[str, str]]:
    """Yield the settings of an installation on a Valkey of its own, and on the Cosmos emulator if wanted."""
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    from tests.emulators.cosmos import Cosmos
    from tests.emulators.valkey import Valkey

    with contextlib.ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="therapy-queue-"))
        settings = dict(os.environ) | {"THERAPY_DATA_DIR": data, "THERAPY_RECORDINGS": "local"}
        settings |= stack.enter_context(Valkey()).settings()
        if store == "cosmos":
            settings |= stack.enter_context(Cosmos()).settings()
        yield settings | {"THERAPY_STORES": "azure" if store == "cosmos" else "local"}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", choices=("sqlite", "cosmos"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--old", type=Path, help="another checkout, which takes turns with this one"
    )
    asked = parser.parse_args()
    with environment_of(asked.store) as environment:
        from redis import Redis

        port = int(environment["REDIS_PORT"])
        redis = Redis(host="127.0.0.1", port=port)
        checkouts = [Checkout("new", ROOT, environment)]
        if asked.old:
            checkouts.append(Checkout("old", asked.old, environment))
        for each in checkouts:
            each.migrate()
        rows: dict[str, list[dict[str, float]]] = {each.name: [] for each in checkouts}
        for _ in range(asked.rounds):
            for each in checkouts:
                row = measured(each, redis, jobs=asked.jobs, workers=asked.workers)
                rows[each.name].append(row)
            print(f"bare: {asyncio.run(bare(port, asked.jobs)):.0f}/s", flush=True)
        for name, found in rows.items():
            for what in found[0]:
                figures = [each.get(what, 0.0) for each in found]
                middle, least, most = statistics.median(figures), min(figures), max(figures)
                print(f"{name}: {what:20} {middle:8.2f}  {least:.2f}-{most:.2f}")
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work"]:
            asyncio.run(work())
        case ["ring", name, number, seconds]:
            asyncio.run(ring(name, int(number), float(seconds)))
        case _:
            sys.exit(main())
