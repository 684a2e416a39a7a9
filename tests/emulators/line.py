"""Bad lines in front of a server, for what has no faults of its own, e.g. Azurite and Valkey.

`BadLine`: bytes pass, and now and then the connection is reset in the middle. `share` of the connections end
so, each after a random number of bytes; keep-alive makes a connection many requests, so it may strike any of
them. `SilentLine`: bytes pass until the line forgets a connection, as a firewall does with an idle one.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from tests.emulators.threaded import Threaded, reset


class BadLine(Threaded):
    """`with BadLine(azurite.port, share=0.2, within=100_000) as line:` and connect to line.port."""

    def __init__(self, to_port: int, *, share: float, within: int, seed: int = 0) -> None:
        self.resets = 0
        self.share = share
        self._to_port, self._within = to_port, within
        self._connections: set[asyncio.Task[None]] = set()
        self._ended = False
        self._random = random.Random(seed)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()
        self._ended = True
        while self._connections:
            for each in self._connections:
                each.cancel()
            await asyncio.wait(self._connections)

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            if not self._ended:
                await self._passed_on(near, back)
        except OSError:
            reset(back.transport)
        finally:
            back.transport.abort()
            self._connections.discard(connection)

    async def _passed_on(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection("127.0.0.1", self._to_port)
        try:
            await self._between(near, back, far, on)
        finally:
            on.transport.abort()

    async def _between(
        self,
        near: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        on: asyncio.StreamWriter,
    ) -> None:
        fated = self._random.random() < self.share
        left = self._random.randrange(1, self._within) if fated else None

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            nonlocal left
            while chunk := await source.read(64 * 1024):
                if left is not None:
                    left -= len(chunk)
                    if left <= 0:
                        self.resets += 1
                        raise ConnectionResetError
                sink.write(chunk)
                await sink.drain()
            sink.write_eof()

        ways = [asyncio.ensure_future(pass_on(near, on)), asyncio.ensure_future(pass_on(far, back))]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


class SilentLine(Threaded):
    """`forget()` drops, from then on and without a word, what comes over the connections that are open then.

    Neither end hears of it: nothing is closed. New connections pass. `passed` is what clients have sent.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._forgotten: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self.passed = bytearray()
        self.connections = 0

    def forget(self) -> None:
        self._forgotten |= self._open

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._passed_on(near, back)
        except asyncio.CancelledError:  # the end of the line
            return
        finally:
            back.transport.abort()

    async def _passed_on(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._open.add(back)

        async def pass_on(
            source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray
        ) -> None:
            with contextlib.suppress(OSError):
                while chunk := await source.read(64 * 1024):
                    if back not in self._forgotten:
                        seen += chunk
                        sink.write(chunk)
                        await sink.drain()
            if back not in self._forgotten:
                sink.close()

        try:
            await asyncio.gather(pass_on(near, on, self.passed), pass_on(far, back, bytearray()))
        finally:
            on.transport.abort()
