"""Streams of events: what 500 open ones take, and how long a submission takes to be told by another process.

Two embedded servers over one data directory, without workers; once as they are and once with a real Valkey.
Of the second one 500 streams of 50 therapists are open. Printed are the memory they take (PSS), the CPU of
their server while nothing happens, and how long it takes from a submission at the first server to its event
at the second: the median, the 99th of 100, and the longest. Exits with 1 if a bound is missed. Linux only:
figures are read from /proc. Times say little on a machine that is busy with other things: those of the
submissions' own answers are printed beside them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    Server,
    cpu_seconds,
    data_directory,
    pss,
    running_server,
    seed,
)
from tests.emulators.valkey import Valkey  # noqa: E402 - the path comes first

THERAPISTS, STREAMS = 50, 500
SUBMISSIONS = 200
IDLE_SECONDS = 20
LIMITS = {"THERAPY_EVENT_STREAMS": "2000", "THERAPY_EVENT_STREAMS_IN_ALL": "2000"}

GROWTH_MB = 60
CPU_SHARE = 0.15
P99_MS = 250

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def practice(file: Path) -> Path:
    """Write a practice whose first therapist has sessions that await review."""
    people = [
        {"role": "THERAPIST", "email": email(number), "full_name": f"Therapist {number}"}
        for number in range(THERAPISTS)
    ]
    said = [{"speaker": "Patient", "text": "I slept better."}]
    sessions = [
        {
            "therapist": email(0),
            "patient": f"3000{number:05}",
            "patient_name": "Dana Example",
            "state": "awaiting_review",
            "days_ago": number,
            "lines": said,
        }
        for number in range(SUBMISSIONS)
    ]
    file.write_text(json.dumps({"practice": "Bench", "people": people, "sessions": sessions}))
    return file


def email(number: int) -> str:
    """Return a therapist's address."""
    return f"therapist{number}@example.health"


async def token_of(client: httpx.AsyncClient, url: str, who: str) -> str:
    body = {"email": who, "password": PASSWORD}
    return str((await client.post(f"{url}/auth/login", json=body)).json()["token"])


async def opened(url: str, token: str, path: str) -> Connection:
    """Open a stream and read up to its first line."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    reader, writer = await asyncio.open_connection(host, port)
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
    writer.write(head.encode())
    first = await reader.readline()
    if b" 200 " not in first:
        raise SystemExit(f"a stream was not opened: {first.decode()}")
    while b"retry" not in await reader.readline():
        pass
    return reader, writer


@contextlib.asynccontextmanager
async def streams(url: str, paths: list[tuple[str, str]]) -> AsyncIterator[list[Connection]]:
    """Yield open streams of these tokens and paths."""
    connections = []
    for token, path in paths:
        connections.append(await opened(url, token, path))
    try:
        yield connections
    finally:
        for _, writer in connections:
            writer.close()
        await asyncio.sleep(1)


async def told_at(reader: asyncio.StreamReader) -> float:
    """Return when it was told that the session was submitted."""
    while b'"state":"closing"' not in (line := await reader.readline()):
        if not line:
            raise SystemExit("a stream ended before its event came")
    return time.perf_counter()


async def latencies(
    client: httpx.AsyncClient, here: Server, there: Server
) -> tuple[list[float], list[float]]:
    """Submit one session after another; return in how many ms each was told of there, and answered."""
    token = await token_of(client, here.url, email(0))
    headers = {"Authorization": f"Bearer {token}"}
    listed = []
    before = ""
    while before is not None:
        page = (
            await client.get(
                f"{here.url}/sessions",
                params={"state": "awaiting_review", "before": before},
                headers=headers,
            )
        ).json()
        listed += [each["id"] for each in page["sessions"]]
        before = page["next"]
    told, answered = [], []
    async with streams(there.url, [(token, f"/sessions/{each}/events") for each in listed]) as all_:
        await asyncio.sleep(1)
        lines = [{"speaker": "Patient", "text": "I slept well.", "timestamp": "0:00:00.000"}]
        for session_id, (reader, _) in zip(listed, all_, strict=True):
            telling = asyncio.create_task(told_at(reader))
            began = time.perf_counter()
            path = f"{here.url}/data/transcript/{session_id}"
            answer = await client.put(path, json=lines, headers=headers)
            answered.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
            told.append((await telling - began) * 1000)
    return sorted(told), sorted(answered)


def p99_of(found: list[float]) -> float:
    """Return what 99 of 100 sorted figures are at most."""
    return found[int(len(found) * 0.99) - 1]


async def measure(name: str, environment: Mapping[str, str]) -> bool:
    """Print the figures of one kind of installation; return whether they are within the bounds."""
    with data_directory() as data, contextlib.ExitStack() as stack:
        data.parent.mkdir(exist_ok=True)
        seed(data, environment, practice=practice(data.with_name("practice.json")))
        here, there = (stack.enter_context(one) for one in servers(data, environment))
        async with httpx.AsyncClient(timeout=60) as client:
            tokens = [
                await token_of(client, there.url, email(number)) for number in range(THERAPISTS)
            ]
            paths = [(tokens[number % len(tokens)], "/events") for number in range(STREAMS)]
            async with streams(there.url, paths[: STREAMS // 10]):
                pass  # what the first streams need once, they need once
            before = pss(there.pid)
            async with streams(there.url, paths):
                await asyncio.sleep(2)
                used = cpu_seconds(there.pid)
                await asyncio.sleep(IDLE_SECONDS)
                share = (cpu_seconds(there.pid) - used) / IDLE_SECONDS
                growth = (pss(there.pid) - before) / MB
                found, answered = await latencies(client, here, there)
    p99 = p99_of(found)
    print(
        f"{name:9} {STREAMS} streams: {growth:5.1f} MB more (bound {GROWTH_MB}), "
        f"{share:.1%} CPU (bound {CPU_SHARE:.0%}); {len(found)} submissions to events elsewhere: "
        f"median {median(found):.0f} ms, p99 {p99:.0f} ms (bound {P99_MS}), longest {found[-1]:.0f} ms;"
        f" to their answers: median {median(answered):.0f} ms, p99 {p99_of(answered):.0f} ms"
    )
    return growth < GROWTH_MB and share < CPU_SHARE and p99 < P99_MS


def servers(
    data: Path, environment: Mapping[str, str]
) -> Iterator[contextlib.AbstractContextManager[Server]]:
    for _ in range(2):
        yield running_server(data, "--no-worker", environment=LIMITS | dict(environment))


async def main() -> int:
    """Print the figures; return the exit code."""
    embedded = await measure("embedded", {})
    with Valkey() as valkey:
        redis = await measure("Redis", valkey.settings())
    return 0 if embedded and redis else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
