"""A line that forgets a connection over which nothing has passed for `idle` seconds, as load balancers do.

Keep-alive probes don't help here: it is no router but two connections, and each end's system answers for
itself. What comes afterwards is dropped (`silent`), or answered by a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.emulators.threaded import Threaded, reset


class IdleLine(Threaded):
    """`with IdleLine(fake.port, idle=0.3) as line:` and connect to line.port; `forgotten` counts."""

    def __init__(self, to_port: int, *, idle: float, silent: bool = True) -> None:
        self.forgotten = 0
        self._to_port, self._idle, self._silent = to_port, idle, silent

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            await self._passed_on(near, back)
        finally:
            back.transport.abort()

    async def _passed_on(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection("127.0.0.1", self._to_port)
        passed = asyncio.Event()
        ways = [
            asyncio.ensure_future(_pass_on(near, on, passed)),
            asyncio.ensure_future(_pass_on(far, back, passed)),
        ]
        try:
            while not all(way.done() for way in ways):
                passed.clear()
                async with asyncio.timeout(self._idle):
                    await passed.wait()
        except TimeoutError:
            self.forgotten += 1
            for way in ways:
                way.cancel()
            if self._silent:
                assert self._ending is not None
                await self._ending.wait()
            reset(back.transport)
        finally:
            for way in ways:
                way.cancel()
            on.transport.abort()


async def _pass_on(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, passed: asyncio.Event
) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(64 * 1024):
            passed.set()
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()
    passed.set()
