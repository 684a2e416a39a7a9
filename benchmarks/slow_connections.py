"""How the API answers beside clients that hold connections open: reads, memory, and what became of them.

A running embedded server without worker; 50 reads a second of one signed-in therapist, first alone, then
beside 200 connections whose heads never end, one endless header at full speed (again 0.1 s after it is
refused) and an upload that goes on all the time. The clients run in a process of their own. The API's CPU is
printed, too: on a machine that is busy with other things, times say little. Exits with 1 if a bound is
missed. Linux only: figures are read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    cpu_seconds,
    rss,
    seeded_server,
)
from therapy.domain.media_headers import wav_header  # noqa: E402 - as above

HALF_OPEN = 200
READS_A_SECOND = 50
READS = ("/profiles/me", "/sessions/me")

P99_MS = 100
GROWTH_MB = 60


# --- the clients that hold connections open, in a process of their own ----------------------------


async def hold(host: str, port: int, token: str) -> None:
    """Hold connections open until standard input ends; print what the server answered."""
    os.nice(10)  # as if on another machine: what the clients cost is not the server's doing
    said: Counter[str] = Counter()
    kinds: list[Callable[[], Awaitable[str]]] = [lambda: half_open(host, port)] * HALF_OPEN
    kinds += [lambda: endless(host, port), lambda: upload(host, port, token)]
    tasks = [asyncio.create_task(again(kind, said)) for kind in kinds]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(said))


async def again(kind: Callable[[], Awaitable[str]], said: Counter[str]) -> None:
    """Connect again whenever the server has closed."""
    while True:
        try:
            said[await kind()] += 1
        except OSError as exc:
            said[type(exc).__name__] += 1
        await asyncio.sleep(0.1)


async def half_open(host: str, port: int) -> str:
    """Send a head byte by byte, one a second."""
    reader, writer = await asyncio.open_connection(host, port)
    with contextlib.closing(writer):
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: h\r\nX-")
        answer = asyncio.ensure_future(reader.read())
        while not (await asyncio.wait([answer], timeout=1))[0]:
            writer.write(b"a")
        return f"half-open: {status_of(await answer)}"


async def endless(host: str, port: int) -> str:
    """Send one header as fast as the server takes it, at most 384 MB."""
    reader, writer = await asyncio.open_connection(host, port)
    with contextlib.closing(writer):
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: h\r\nX-A: ")
        answer = asyncio.ensure_future(reader.read())
        for _ in range(384 * 16):
            writer.write(b"a" * 65_536)
            sent = asyncio.ensure_future(writer.drain())
            await asyncio.wait([sent, answer], return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                sent.cancel()
                break
            sent.result()
        return f"endless head: {status_of(await answer)}"


async def upload(host: str, port: int, token: str) -> str:
    """Upload half an hour of 16 kHz sound at 2 MB a second, without metadata, so that nothing stays."""
    reader, writer = await asyncio.open_connection(host, port)
    size = 30 * 60 * 32_000
    with contextlib.closing(writer):
        writer.write(
            f"POST /sessions/upload HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        part = b'--b\r\nContent-Disposition: form-data; name="audio_file"; filename="a.wav"\r\n\r\n'
        for piece in (
            part,
            wav_header(size, 16_000),
            *[b"\x10\x00" * 32_768] * (size // 65_536),
            b"\r\n--b--\r\n",
        ):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(1 / 32)
        writer.write(b"0\r\n\r\n")
        return f"upload: {status_of(await reader.read(12))}"


def status_of(answer: bytes) -> str:
    return answer[9:12].decode() or "closed"


# --- the reads that are measured -----------------------------------------------------------------


async def reads(client: httpx.AsyncClient, seconds: float) -> list[float]:
    """Milliseconds of reads that are begun at even distances, however long each takes."""
    taken: list[float] = []

    async def one(path: str) -> None:
        began = time.perf_counter()
        (await client.get(path)).raise_for_status()
        taken.append((time.perf_counter() - began) * 1000)

    start, loop = time.perf_counter(), asyncio.get_running_loop()
    pending = []
    for number in range(int(seconds * READS_A_SECOND)):
        await asyncio.sleep(max(0, start + number / READS_A_SECOND - time.perf_counter()))
        pending.append(loop.create_task(one(READS[number % len(READS)])))
    await asyncio.gather(*pending)
    return taken


async def watch_memory(pid: int, seen: list[float]) -> None:
    while True:
        seen.append(rss(pid) / MB)
        await asyncio.sleep(0.1)


async def run(url: str, pid: int, seconds: float) -> bool:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        answer = await client.post("/auth/login", json={"email": THERAPIST, "password": PASSWORD})
        token = answer.raise_for_status().json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        await reads(client, 2)
        alone, before = await measured(client, seconds / 2, pid), rss(pid) / MB
        memory: list[float] = []
        where = urlsplit(url)
        arguments = ("--hold", str(where.hostname), str(where.port), token)
        holding = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        watching = asyncio.create_task(watch_memory(pid, memory))
        await asyncio.sleep(2)
        beside = await measured(client, seconds, pid)
        watching.cancel()
        said, _ = await holding.communicate(b"")
    return report(alone, beside, max(memory) - before, max(memory), said.decode().strip())


@dataclass
class Measured:
    """Milliseconds that reads took, and what share of a core the API needed."""

    taken: list[float]
    cpu: float

    def __str__(self) -> str:
        p50, p99, worst = median(self.taken), self.p99, max(self.taken)
        return f"p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, worst {worst:6.1f} ms; API {self.cpu:.0%} of a core"

    @property
    def p99(self) -> float:
        return sorted(self.taken)[int(len(self.taken) * 0.99)]


async def measured(client: httpx.AsyncClient, seconds: float, pid: int) -> Measured:
    began, cpu = time.monotonic(), cpu_seconds(pid, with_children=False)
    taken = await reads(client, seconds)
    return Measured(
        taken, (cpu_seconds(pid, with_children=False) - cpu) / (time.monotonic() - began)
    )


def report(alone: Measured, beside: Measured, growth: float, most: float, said: str) -> bool:
    p99 = beside.p99
    print(f"reads alone:   {alone}")
    print(f"reads beside:  {beside}")
    print(f"  p99 {'ok' if p99 < P99_MS else 'MISSED'} (bound {P99_MS} ms)")
    print(f"API process: {most:.0f} MB at most, grew by {growth:.0f} MB")
    print(f"  {'ok' if growth < GROWTH_MB else 'MISSED'} (bound {GROWTH_MB} MB)")
    print(f"connections ended: {said}")
    return p99 < P99_MS and growth < GROWTH_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="of reads beside the others")
    parser.add_argument("--hold", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        host, port, token = options.hold
        asyncio.run(hold(host, int(port), token))
        return 0
    with seeded_server("--no-worker") as server:
        held = asyncio.run(run(server.url, server.pid, options.seconds))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
