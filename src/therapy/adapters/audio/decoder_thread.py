"""A thread that turns a recording into chunks, connected to the event loop in both directions.

It reads ranges through the loop (with read-ahead) and passes chunks on through a short queue: a slow
consumer makes it wait, a consumer that goes away ends it. Nothing polls.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from contextlib import closing
from typing import Any, TypeVar

from therapy.ports.audio import ReadRange

BLOCK_BYTES = 1 << 20
"""A recording is read in blocks of this size."""

KEPT_BLOCKS = 3
"""Blocks that stay in memory: the current one, the file's index, another track's position."""

QUEUED_CHUNKS = 4
"""Chunks that may wait for the consumer."""

T = TypeVar("T")
Produce = Callable[["RangedFile"], Generator[bytes, None, None]]


class _Stopped(Exception):
    """The consumer has gone, so the thread must end."""


class RangedFile:
    """The file that FFmpeg reads: seekable, over a range reader, with a few blocks in memory.

    `error` is what the range reader raised: FFmpeg itself reports something less useful.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self.size = size
        self.error: BaseException | None = None
        self._fetch = fetch
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, length: int = -1) -> bytes:
        if length == 0 or self._at >= self.size:
            return b""
        number, offset = divmod(self._at, BLOCK_BYTES)
        block = self._block(number)
        found = block[offset : len(block) if length < 0 else offset + length]
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def peek(self, start: int, length: int) -> bytes:
        """Return bytes from `start` on without moving the position."""
        at, self._at = self._at, start
        found = b""
        while len(found) < length and (more := self.read(length - len(found))):
            found += more
        self._at = at
        return found

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start = number * BLOCK_BYTES
        try:
            block = self._fetch(start, min(start + BLOCK_BYTES, self.size))
        except BaseException as error:
            self.error = error
            raise
        self._blocks[number] = block
        if len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return block


class DecodingThread:
    """Runs `produce` in a thread while the loop iterates over `chunks`; `stop` ends both."""

    def __init__(self, read: ReadRange, size: int, produce: Produce) -> None:
        self._read, self._size, self._produce = read, size, produce
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED_CHUNKS)
        self._ended = asyncio.Event()
        self._lock = threading.Lock()
        self._stopped = False
        self._waiting: Future[Any] | None = None
        self._error: BaseException | None = None
        # A daemon: if the loop is torn down without closing its generators, the process must not hang.
        self._thread = threading.Thread(target=self._run, name="therapy-decode", daemon=True)

    async def chunks(self) -> AsyncIterator[bytes]:
        self._thread.start()
        while (chunk := await self._queue.get()) is not None:
            yield chunk
        if self._error is not None:
            raise self._error

    async def stop(self) -> None:
        """Stop the thread, whatever it is doing, and wait for its end."""
        with self._lock:
            self._stopped = True
            waiting = self._waiting
        if waiting is not None:
            waiting.cancel()
        if self._thread.ident is not None:
            await self._ended.wait()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except _Stopped:
            pass
        finally:
            self._call_soon(self._ended.set)

    def _work(self) -> None:
        file = RangedFile(self._range, self._size)
        try:
            with closing(self._produce(file)) as chunks:
                for chunk in chunks:
                    self._on_loop(self._queue.put(chunk))
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self._error = file.error or error
            if isinstance(self._error, _Stopped):
                return
        self._on_loop(self._queue.put(None))

    def _range(self, start: int, end: int) -> bytes:
        async def reading() -> bytes:
            return await self._read(start, end)

        return self._on_loop(reading())

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the event loop and return its result; raise _Stopped if the consumer has gone."""
        with self._lock:
            if self._stopped or self._loop.is_closed():
                work.close()
                raise _Stopped
            self._waiting = waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result()
        except CancelledError:
            raise _Stopped from None

    def _call_soon(self, call: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)
