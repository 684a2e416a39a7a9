"""A server in an event loop on a thread of its own, in this process: what our own fakes are built on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from contextlib import AbstractAsyncContextManager
from typing import Self

from tests.emulators.running import Running, require_allowed

NO_LINGER = struct.pack("ii", 1, 0)


class Threaded(Running):
    """`serving` says what runs; whatever is left in its loop is cancelled at the end."""

    port = 0
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _ending: asyncio.Event | None = None

    def serving(self) -> AbstractAsyncContextManager[int]:
        """Serve while the body runs; gives the port."""
        raise NotImplementedError

    def start(self) -> Self:
        require_allowed(type(self))
        ready = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._serve(ready))
            except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits
                failed.append(exc)
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name=type(self).__name__, daemon=True)
        self._thread.start()
        ready.wait(30)
        if failed:
            raise failed[0]
        return self

    def stop(self) -> None:
        if self._thread is None or self._loop is None or self._ending is None:
            return
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)
        self._thread = None

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        async with self.serving() as self.port:
            ready.set()
            await self._ending.wait()


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a connection with an RST, as a broken network does, not with a farewell."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    if connection := transport.get_extra_info("socket"):
        with contextlib.suppress(OSError):  # gone already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()
