"""What stands before the app in Azure, as far as its time limits and headers go: App Service, Front Door.

Each connection carries one request. A request without the first byte of an answer `answer` seconds after its
own first byte is cut: the client is answered 504 as HTML, the app sees a reset. Bytes of the body do not put
that off, unless `steady_bytes_count`: Azure's documentation leaves it open. A client that sends nothing for
`client_idle` seconds in the middle of a body is cut without an answer. App Service: 230 s to the answer;
Front Door: 30 s (a setting, at most 240) and 61 s idle. X-Forwarded-For gets the client's address and port.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.emulators.threaded import Threaded, reset

TIMED_OUT = b"<html><head><title>504 Gateway Timeout</title></head></html>"
TIMED_OUT_HEAD = (
    "HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/html\r\n"
    f"Content-Length: {len(TIMED_OUT)}\r\nConnection: close\r\n\r\n"
)
MOST_HEAD = 64 * 1024


class FrontEnd(Threaded):
    """`with FrontEnd(server.port, answer=0.5) as front:` and send requests to front.port. `cut` counts."""

    def __init__(
        self,
        to_port: int,
        *,
        answer: float = 230.0,
        client_idle: float = 61.0,
        steady_bytes_count: bool = False,
    ) -> None:
        self._to_port = to_port
        self._answer, self._client_idle = answer, client_idle
        self._steady_bytes_count = steady_bytes_count
        self.cut = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=MOST_HEAD)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        on: asyncio.StreamWriter | None = None
        try:
            head = await near.readuntil(b"\r\n\r\n")
            far, on = await asyncio.open_connection("127.0.0.1", self._to_port)
            on.write(_forwarded(head, *back.get_extra_info("peername")[:2]))
            await self._carry(near, back, far, on)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            return
        finally:
            if on is not None:
                reset(on.transport)
            back.close()

    async def _carry(
        self,
        near: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        on: asyncio.StreamWriter,
    ) -> None:
        """Carry the body there and the answer back, within the limits."""
        clock = asyncio.get_running_loop().time
        limit = asyncio.timeout_at(clock() + self._answer)
        body = asyncio.create_task(self._carry_body(near, on, limit))
        try:
            async with limit:
                first = asyncio.create_task(far.read(64 * 1024))
                await asyncio.wait({first, body}, return_when=asyncio.FIRST_COMPLETED)
                if not first.done() and body.result():
                    self.cut += 1
                    first.cancel()
                    return
                chunk = await first
        except TimeoutError:
            self.cut += 1
            back.write(TIMED_OUT_HEAD.encode() + TIMED_OUT)
            return
        finally:
            body.cancel()
        while chunk:
            back.write(chunk)
            await back.drain()
            chunk = await far.read(64 * 1024)

    async def _carry_body(
        self, near: asyncio.StreamReader, on: asyncio.StreamWriter, limit: asyncio.Timeout
    ) -> bool:
        """Return True once the client has been silent for too long."""
        while True:
            try:
                async with asyncio.timeout(self._client_idle):
                    chunk = await near.read(64 * 1024)
            except TimeoutError:
                return True
            if not chunk:
                await asyncio.Event().wait()
            if self._steady_bytes_count:
                limit.reschedule(asyncio.get_running_loop().time() + self._answer)
            on.write(chunk)
            await on.drain()


def _forwarded(head: bytes, address: str, port: int) -> bytes:
    """Return a request's head with the client's address, as the last one of its connection."""
    lines = [
        line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith(b"connection:")
    ]
    told = f"X-Forwarded-For: {address}:{port}\r\nConnection: close\r\n\r\n"
    return b"\r\n".join(lines) + b"\r\n" + told.encode()
