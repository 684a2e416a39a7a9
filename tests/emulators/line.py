"""A bad line in front of a server: bytes pass, and now and then the connection is reset in the middle.

For what has no faults of its own, e.g. Azurite. `share` of the connections end so, each after a random
number of bytes; keep-alive makes a connection many requests, so it may strike any of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from typing import Self

from tests.emulators.running import Running

NO_LINGER = struct.pack("ii", 1, 0)


class BadLine(Running):
    """`with BadLine(azurite.port, share=0.2, within=100_000) as line:` and connect to line.port."""

    def __init__(self, to_port: int, *, share: float, within: int, seed: int = 0) -> None:
        self.port = 0
        self.resets = 0
        self.share = share
        self._to_port, self._within = to_port, within
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bad line", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # transports close their sockets in the loop's next round

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, on = await asyncio.open_connection("127.0.0.1", self._to_port)
            try:
                await self._between(near, back, far, on)
            finally:
                on.transport.abort()
        except OSError:
            with contextlib.suppress(OSError):  # gone already
                near_end = back.get_extra_info("socket")
                near_end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
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
