"""The bytes of an upload while they arrive: cut into blocks, each staged and hashed once it is whole."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from therapy.domain.errors import TooLarge, UnsupportedAudio
from therapy.domain.media import SNIFF_BYTES, sniff
from therapy.domain.upload import BLOCK_SIZE, Upload
from therapy.ports.recordings import Recordings
from therapy.workflows.staged_file import stage_hashed

GZIP = b"\x1f\x8b\x08"
"""How a gzip file begins."""


class ArrivingBlocks:
    """At most one block (4 MiB) of an upload is in memory; `rest` are the bytes that are not staged yet.

    It goes on behind the staged blocks of `upload`, with `begun`: what is there of the next one.
    """

    def __init__(
        self, upload: Upload, recordings: Recordings, *, most: int, begun: bytes = b""
    ) -> None:
        self.media_type = upload.media_type
        self.rest = bytearray(begun)
        self.hashes = list(upload.block_hashes)
        self.staged = upload.offset - len(begun)
        self._practice_id, self._upload_id = upload.practice_id, upload.id
        self._recordings, self._most = recordings, most

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.staged + len(self.rest)

    async def add(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            TooLarge: the recording is larger than this installation accepts.
            UnsupportedAudio: the first bytes are not audio that can be read.
            StorageFull: there is no room.
        """
        if self.size + len(chunk) > self._most:
            raise TooLarge(limit=self._most)
        self.rest += chunk
        if not self.media_type and len(self.rest) >= SNIFF_BYTES:
            self._sniff()
        await self.stage_whole()

    async def stage_whole(self) -> None:
        """Stage every block that is whole."""
        while len(self.rest) >= BLOCK_SIZE:
            await self._stage_first()

    async def end(self) -> None:
        """Stage the rest: no more bytes will come.

        Raises:
            UnsupportedAudio, StorageFull: as `add`.
        """
        if not self.media_type:
            self._sniff()
        await self.stage_whole()
        if self.rest:
            await self._stage_first()

    def _sniff(self) -> None:
        first = bytes(self.rest[:SNIFF_BYTES])
        if first.startswith(GZIP):
            raise UnsupportedAudio("compressed_audio")
        self.media_type = sniff(first)

    async def _stage_first(self) -> None:
        """Stage the first block of the rest, which is as it was if that fails."""
        block = self._taken()
        try:
            await self._stage(block)
        except BaseException:
            self.rest[:0] = block
            raise

    def _taken(self) -> bytes:
        """Take the first block off the rest and return it."""
        block = bytes(memoryview(self.rest)[:BLOCK_SIZE])
        del self.rest[:BLOCK_SIZE]
        return block

    async def _stage(self, block: bytes) -> None:
        number = len(self.hashes)
        digest = await stage_hashed(
            self._recordings, self._practice_id, self._upload_id, number, block
        )
        self.hashes.append(digest)
        self.staged += len(block)


class OverlappingBlocks(ArrivingBlocks):
    """Stages a block while the next one arrives, so that at most two of them (8 MiB) are in memory.

    If one can't be staged, `broken_off` and the next call say so; nothing of the upload is of use any more.
    """

    def __init__(self, upload: Upload, recordings: Recordings, *, most: int) -> None:
        super().__init__(upload, recordings, most=most)
        self._staging: asyncio.Task[None] | None = None
        self._settling = False
        self._in_flight = 0
        self._fail: Callable[[], None] = lambda: None

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return super().size + self._in_flight

    async def end(self) -> None:
        """Stage the rest, see `ArrivingBlocks.end`; everything is staged then."""
        await super().end()
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being staged any more, even if the caller was cancelled before.

        Raises:
            StorageFull, Unavailable: the last block could not be staged.
        """
        if self._staging is not None:
            self._settling = True
            try:
                await asyncio.shield(self._staging)
            finally:
                self._settling = False
            self._staging = None

    @asynccontextmanager
    async def broken_off(self) -> AsyncIterator[None]:
        """Break the body off, which may be waiting for more bytes, as soon as a block can't be staged.

        Raises:
            StorageFull, Unavailable: that is why.
        """
        try:
            async with asyncio.timeout(None) as body:
                self._fail = partial(body.reschedule, 0.0)
                try:
                    yield
                finally:
                    self._fail = lambda: None
        except TimeoutError:
            if body.expired():
                await self.settle()
            raise

    def _look_at(self, staging: "asyncio.Task[None]") -> None:
        if not staging.cancelled() and staging.exception() and not self._settling:
            self._fail()

    async def _stage_first(self) -> None:
        """Begin to stage the first block of the rest, once the one before is staged."""
        await self.settle()
        block = self._taken()
        self._in_flight = len(block)
        self._staging = asyncio.create_task(self._stage(block))
        self._staging.add_done_callback(self._look_at)

    async def _stage(self, block: bytes) -> None:
        await super()._stage(block)
        self._in_flight = 0
