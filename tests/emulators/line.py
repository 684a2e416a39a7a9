"""A bad line in front of a server: bytes pass, and now and then the connection is reset in the middle.

For what has no faults of its own, e.g. Azurite. `share` of the connections end so, each after a random
number of bytes; keep-alive makes a connection many requests, so it may strike any of them.
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
        self._random = random.Random(seed)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, on = await asyncio.open_connection("127.0.0.1", self._to_port)
            try:
                await self._between(near, back, far, on)
            finally:
                on.transport.abort()
        except OSError:
            reset(back.transport)
        finally:
            back.transport.abort()

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
