"""A proxy on a bad line: each connection is cut after so many bytes or seconds; servers take turns."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field

PIECE = 65_536


@dataclass
class CuttingProxy:
    """Listens on `port`; `cuts` counts the connections that it cut, `passed` the bytes of clients."""

    servers: MutableSequence[int]
    cut_after: int
    longest: float
    port: int = 0
    cuts: int = 0
    passed: int = 0
    served: set[int] = field(default_factory=set)
    _turns: Iterator[int] = field(default_factory=itertools.count)

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
        left, until = self.cut_after, time.monotonic() + self.longest
        while left > 0 and time.monotonic() < until:
            client.settimeout(max(0.01, until - time.monotonic()))
            got = client.recv(min(PIECE, left))
            if not got:
                return
            server.sendall(got)
            left -= len(got)
            self.passed += len(got)
        self.cuts += 1
        for each in (client, server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while got := source.recv(PIECE):
            target.sendall(got)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def cutting(
    servers: MutableSequence[int], *, cut_after: int, longest: float = 3_600
) -> Iterator[CuttingProxy]:
    """Run a proxy before servers on these ports; the sequence may change while it runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = CuttingProxy(servers, cut_after, longest, listener.getsockname()[1])
        thread = threading.Thread(target=proxy.run, args=(listener,), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
