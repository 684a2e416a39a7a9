"""Sends requests over raw sockets, in a process of its own: `python -m benchmarks.compare.load`.

It reads one job as JSON from standard input and prints what came of it as JSON. It is this small because it
shares the cores with what is measured: a request costs it 0.01 ms of CPU, which is not counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

WARM = 0.1
"""The share of a stream's seconds that comes before what is counted."""

STOPPED = 5.0
"""Seconds after the end until which a request that was due may still be sent."""

PATIENCE = 300.0
"""Seconds after which whoever has not answered does not work."""


@dataclass
class Stream:
    """Requests of one kind, on some connections: one after the other on each, or begun at an even `rate`.

    At most `count`, if that is given. `trickle`: bytes a second of uploads that do not end. `after`: seconds
    before the first is sent, e.g. until another stream's uploads are open.
    `taken` are seconds from sending to the last byte of the answer, `answers` counts their statuses.
    """

    name: str
    requests: list[str]
    connections: int
    rate: float = 0.0
    trickle: int = 0
    count: int = 0
    after: float = 0.0
    taken: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    within: int = 0
    begun: float = 0.0
    until: float = 0.0

    def next(self) -> bytes:
        """Return the next request, which is begun by that."""
        self.sent += 1
        return self.requests[self.sent % len(self.requests)].encode("latin-1")

    def ended(self, status: str, seconds: float) -> None:
        """Note an answer."""
        self.answers[status] += 1
        now = time.perf_counter()
        self.within += self.begun <= now <= self.until
        if now >= self.begun:
            self.taken.append(seconds)

    def outcome(self) -> dict[str, Any]:
        """Return the stream's numbers; times are in milliseconds."""
        times = sorted(self.taken) or [0.0]
        counted = max(0.001, self.until - self.begun)
        return {
            "requests": sum(self.answers.values()),
            "failed": sum(n for status, n in self.answers.items() if not status.startswith("2")),
            "answers": dict(self.answers),
            "a second": self.within / counted,
            "p50": times[len(times) // 2] * 1000,
            "p99": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
            "slowest": times[-1] * 1000,
        }


class Connection(asyncio.Protocol):
    """One connection, one request on its way at a time; opened again if the server closes it between two."""

    def __init__(self, stream: Stream, address: tuple[str, int]) -> None:
        self._stream, self._address = stream, address
        self._transport: asyncio.Transport | None = None
        self._read, self._missing, self._status = b"", -1, "no answer"
        self._done: asyncio.Future[None] | None = None

    async def send(self, since: float = 0.0) -> None:
        """Send one request and wait for its answer; a closed connection is opened again."""
        loop, since = asyncio.get_running_loop(), since or time.perf_counter()
        request = self._stream.next()
        for _ in range(3):
            if self._transport is None or self._transport.is_closing():
                await loop.create_connection(lambda: self, *self._address)
            if self._transport is None:
                continue  # it was closed again at once
            self._done = loop.create_future()
            self._read, self._missing, self._status = b"", -1, ""
            self._transport.write(request)
            await self._done
            if self._status:  # none at all: the server had closed it before it read this request
                break
        self._stream.ended(self._status or "no answer", time.perf_counter() - since)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no such class

    def data_received(self, data: bytes) -> None:
        if self._missing >= 0:
            self._missing -= len(data)
        else:
            self._read += data
            self._read_head()
        if self._missing == 0:
            self._finish()

    def _read_head(self) -> None:
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        self._status = head[9:12].decode()
        _, said, length = head.lower().partition(b"content-length:")
        if said:
            self._missing = int(length.partition(b"\r\n")[0]) - len(body)
        elif body.endswith(b"0\r\n\r\n"):  # chunked
            self._missing = 0

    def _finish(self) -> None:
        if self._done and not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio passes it
        self._transport = None
        if self._missing > 0:
            self._status = "cut"
        self._finish()

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport:
            self._transport.abort()


async def run_stream(stream: Stream, address: tuple[str, int], seconds: float) -> None:
    """Send a stream's requests for so long, less what it waits before."""
    until = time.perf_counter() + seconds
    await asyncio.sleep(stream.after)
    start = time.perf_counter()
    stream.begun, stream.until = start + (until - start) * WARM, until
    if stream.trickle:
        await trickle(stream, address)
    elif stream.rate:
        await at_a_rate(stream, address, start)
    else:
        await asyncio.gather(*[saturate(stream, address) for _ in range(stream.connections)])


async def saturate(stream: Stream, address: tuple[str, int]) -> None:
    """Send one request after the other on one connection."""
    connection = Connection(stream, address)
    while time.perf_counter() < stream.until and not (stream.count and stream.sent >= stream.count):
        await connection.send()
    connection.close()


async def at_a_rate(stream: Stream, address: tuple[str, int], start: float) -> None:
    """Begin requests at even distances, however long each takes; times count from when each was due.

    Those for which no connection was free until STOPPED seconds after the end are not sent: their time is
    how long they had waited by then.
    """
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(stream.connections):
        free.put_nowait(Connection(stream, address))
    sending: list[asyncio.Task[None]] = []

    async def one(due: float) -> None:
        connection = await free.get()
        if time.perf_counter() < stream.until + STOPPED:
            await connection.send(due)
        else:
            stream.taken.append(time.perf_counter() - due)
        free.put_nowait(connection)

    due = start
    while (due := due + 1 / stream.rate) < stream.until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sending.append(asyncio.create_task(one(due)))
    await asyncio.gather(*sending)


async def trickle(stream: Stream, address: tuple[str, int]) -> None:
    """Keep uploads open that send `trickle` bytes a second; those that the server ends early have failed."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / stream.connections)
        reader, writer = await asyncio.open_connection(*address)
        writer.write(stream.next())
        answer = asyncio.ensure_future(reader.read(12))
        piece = bytes(stream.trickle // 2)
        while time.perf_counter() < stream.until and not answer.done():
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await asyncio.wait([answer], timeout=0.5)
        status = answer.result()[9:12].decode() or "closed" if answer.done() else "2xx: still open"
        stream.ended(status, 0.0)
        answer.cancel()
        writer.transport.abort()

    await asyncio.gather(*[one(number) for number in range(stream.connections)])


async def run(job: dict[str, Any]) -> dict[str, Any]:
    """Return the outcome of each stream, by its name."""
    streams = [Stream(**each) for each in job["streams"]]
    address = (job["host"], job["port"])
    async with asyncio.timeout(job["seconds"] + PATIENCE):
        await asyncio.gather(*[run_stream(each, address, job["seconds"]) for each in streams])
    return {each.name: each.outcome() for each in streams}


def load(job: dict[str, Any]) -> dict[str, Any]:
    """Return what came of a job, done in a process of its own.

    Raises:
        CalledProcessError: it ended with an error, e.g. because nothing listens there.
    """
    command = [sys.executable, "-m", "benchmarks.compare.load"]
    done = subprocess.run(
        command, input=json.dumps(job).encode(), stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def main() -> None:
    job = json.load(sys.stdin)
    os.nice(job.get("nice", 0))
    try:
        import uvloop
    except ImportError:
        print(json.dumps(asyncio.run(run(job))))
    else:
        print(json.dumps(uvloop.run(run(job))))


if __name__ == "__main__":
    main()
