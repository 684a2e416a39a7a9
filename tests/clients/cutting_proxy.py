"""A proxy on a bad line: it cuts connections after so many bytes or seconds, or stalls; servers in turn."""

import contextlib
import itertools
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field

PIECE = 65_536
STALL = (0.2, 1.0)
"""Seconds for which a write stands still."""


@dataclass(frozen=True)
class Line:
    """How bad it is: what a connection carries until it is cut, in bytes and seconds; how much a second.

    `stalls` is the share of writes that stand still, `resets` says that a cut is a reset (RST), not an end.
    """

    cut_after: int
    longest: float = 3_600
    rate: float = 0
    stalls: float = 0
    resets: bool = False


@dataclass
class CuttingProxy:
    """Listens on `port`; `cuts` counts the connections that it cut, `late` those of them that took too long.

    `passed` is how many bytes of clients it has passed on.
    """

    servers: MutableSequence[int]
    line: Line
    port: int = 0
    cuts: int = 0
    late: int = 0
    stalled: int = 0
    passed: int = 0
    served: set[int] = field(default_factory=set)
    _turns: Iterator[int] = field(default_factory=itertools.count)
    _chance: random.Random = field(default_factory=lambda: random.Random(11))

    def run(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        port = self.servers[next(self._turns) % len(self.servers)]
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", port), timeout=10) as server,
        ):
            server.settimeout(None)
            self.served.add(port)
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()
            self._forward(client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what the client sends, and cut in the middle of it."""
        left, until = self.line.cut_after, time.monotonic() + self.line.longest
        while left > 0 and time.monotonic() < until:
            client.settimeout(max(0.01, until - time.monotonic()))
            try:
                got = client.recv(min(PIECE, left))
            except TimeoutError:
                break
            if not got:
                return
            self._hesitate(len(got))
            server.sendall(got)
            left -= len(got)
            self.passed += len(got)
        self.cuts += 1
        self.late += left > 0
        for each in (client, server):
            _end(each, reset=self.line.resets)

    def _hesitate(self, size: int) -> None:
        """Take the time that so many bytes take on this line, or stand still."""
        if self.line.rate:
            time.sleep(size / self.line.rate)
        if self.line.stalls and self._chance.random() < self.line.stalls:
            self.stalled += 1
            time.sleep(self._chance.uniform(*STALL))


def _end(connection: socket.socket, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            at_once = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            connection.close()
        else:
            connection.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while got := source.recv(PIECE):
            target.sendall(got)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def cutting(servers: MutableSequence[int], line: Line) -> Iterator[CuttingProxy]:
    """Run a proxy before servers on these ports; the sequence may change while it runs."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        proxy = CuttingProxy(servers, line, listener.getsockname()[1])
        thread = threading.Thread(target=proxy.run, args=(listener,), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
