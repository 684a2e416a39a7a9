"""The bytes of an upload while they arrive: cut into blocks, each staged and hashed once it is whole."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from therapy.domain.errors import TooLarge, UnsupportedAudio
from therapy.domain.media import SNIFF_BYTES, sniff
from therapy.domain.upload import BLOCK_SIZE, Upload, block_hash
from therapy.ports.recordings import SupportsStagingOnce
from therapy.workflows.byte_queue import ByteQueue
from therapy.workflows.intake import Intake
from therapy.workflows.staged_file import stage_hashed

GZIP = b"\x1f\x8b\x08"
"""How a gzip file begins."""

STAGED_AT_ONCE = 2
"""Blocks of one upload."""

HEAD_BYTES = 4096
"""So much of a recording's beginning is kept for its check: all that a plain WAV's takes."""


class ArrivingBlocks:
    """One block (4 MiB) of an upload is in memory, and a piece; `rest` are the bytes that are not staged yet.

    It goes on behind the staged blocks of `upload`, with `begun`: what is there of the next one. The
    intake's `turns` are told of each whole block that has arrived.
    """

    def __init__(self, upload: Upload, intake: Intake, begun: bytes = b"") -> None:
        self.media_type = upload.media_type
        self.rest = ByteQueue(begun)
        self.hashes = list(upload.block_hashes)
        self.staged = upload.offset - len(begun)
        self._practice_id, self._upload_id = upload.practice_id, upload.id
        self._intake = intake

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
        most = self._intake.max_bytes
        if self.size + len(chunk) > most:
            raise TooLarge(limit=most)
        self.rest.append(chunk)
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
        first = self.rest.first(SNIFF_BYTES)
        if first.startswith(GZIP):
            raise UnsupportedAudio("compressed_audio")
        self.media_type = sniff(first)

    async def _stage_first(self) -> None:
        """Stage the first block of the rest, which is as it was if that fails."""
        block = self._taken()
        try:
            digest = await stage_hashed(
                self._intake.recordings,
                self._practice_id,
                self._upload_id,
                len(self.hashes),
                block,
            )
        except BaseException:
            self.rest.put_back(block)
            raise
        self.staged += len(block)
        self.hashes.append(digest)

    def _taken(self) -> bytes:
        """Take the first block off the rest and return it."""
        block = self.rest.take(BLOCK_SIZE)
        if len(block) == BLOCK_SIZE:
            self._intake.turns.note_arrival()
        return block


class OverlappingBlocks(ArrivingBlocks):
    """Stages two blocks while the next one arrives, so that at most three of them (12 MiB) are in memory.

    A block is hashed while those before it are sent, so that the store need not wait for us, and no number
    is staged twice (`SupportsStagingOnce`). What was staged last is there after `settle`. If one can't be
    staged, `broken_off` and the next call say so; nothing of the upload is of use any more.
    """

    def __init__(self, upload: Upload, intake: Intake) -> None:
        super().__init__(upload, intake)
        self.head = b""
        self._staging = deque[asyncio.Task[bytes]]()
        self._settling = False
        self._in_flight = 0
        self._fail: Callable[[], None] = lambda: None

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return super().size + self._in_flight

    async def settle(self, most: int = 0) -> None:
        """Wait until no more than `most` blocks are being staged, even if the caller was cancelled before.

        Raises:
            StorageFull, Unavailable: one of them could not be staged.
        """
        while len(self._staging) > most or any(map(_has_failed, self._staging)):
            self._settling = True
            try:
                self.hashes.append(await asyncio.shield(self._staging[0]))
            finally:
                self._settling = False
            self._staging.popleft()

    async def stop(self) -> None:
        """Wait until nothing is being staged any more, whether or not it could be."""
        if self._staging:
            await asyncio.wait(self._staging)

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

    def _look_at(self, staging: "asyncio.Task[bytes]") -> None:
        if _has_failed(staging) and not self._settling:
            self._fail, fail = (lambda: None), self._fail  # once: both blocks may fail
            fail()

    async def _stage_first(self) -> None:
        """Begin to stage the first block of the rest, once only one of those before is not staged yet."""
        block = self._taken()
        self._in_flight += len(block)
        self.head = self.head or block[:HEAD_BYTES]
        try:
            digest = await asyncio.to_thread(block_hash, block)
            await self.settle(STAGED_AT_ONCE - 1)
        except BaseException:
            self.rest.put_back(block)
            self._in_flight -= len(block)
            raise
        number = len(self.hashes) + len(self._staging)
        staging = asyncio.create_task(self._staged(number, block, digest))
        self._staging.append(staging)
        staging.add_done_callback(self._look_at)

    async def _staged(self, number: int, block: bytes, digest: bytes) -> bytes:
        recordings, names = self._intake.recordings, (self._practice_id, self._upload_id)
        if isinstance(recordings, SupportsStagingOnce):
            await recordings.stage_once(*names, number, block, digest)
        else:
            await recordings.stage(*names, number, block)
        self._in_flight -= len(block)
        self.staged += len(block)
        return digest


def _has_failed(staging: "asyncio.Task[bytes]") -> bool:
    return staging.done() and not staging.cancelled() and staging.exception() is not None
