"""A file that is made here, staged block by block while it is made, and kept under its own name."""

import asyncio

from therapy.domain.errors import EngineDied
from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash
from therapy.ports.recordings import Recordings


async def stage_hashed(
    recordings: Recordings, practice_id: str, upload_id: str, number: int, block: bytes
) -> bytes:
    """Stage a block; return its SHA-256 once it is durable.

    Raises:
        StorageFull, Unavailable: see `Recordings.stage`.
    """
    digest = await recordings.stage(practice_id, upload_id, number, block)
    return await asyncio.to_thread(block_hash, block) if digest is None else digest


class StagedFile:
    """At most two blocks (8 MiB) are in memory: the first, which may change until the end, and the last.

    `name` is both the upload's id and the recording's key, so that nothing is copied.
    """

    def __init__(self, practice_id: str, name: str, recordings: Recordings) -> None:
        self.size = 0
        self._practice_id, self._name, self._recordings = practice_id, name, recordings
        self._first, self._last = bytearray(), bytearray()
        self._hashes: list[bytes] = []

    async def put(self, offset: int, content: bytes) -> None:
        """Put bytes at the end of the file, or over some of its first block.

        Raises:
            EngineDied: they stand elsewhere.
            StorageFull, Unavailable: they can't be staged.
        """
        end = offset + len(content)
        if offset == self.size:
            await self._append(content)
        elif end <= min(self.size, BLOCK_SIZE):
            self._first[offset:end] = content
        else:
            raise EngineDied(reason="protocol")

    async def keep(self) -> str:
        """Stage the rest, keep the file under its name, and return its hash."""
        if self._last:
            await self._stage_last()
        first = await self._staged(0, bytes(self._first))
        hashes = (first, *self._hashes)
        await self._recordings.keep(self._practice_id, self._name, len(hashes), self._name)
        return content_hash(hashes)

    async def _append(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            block = self._first if self.size < BLOCK_SIZE else self._last
            taken = left[: BLOCK_SIZE - len(block)]
            block += taken
            self.size += len(taken)
            left = left[len(taken) :]
            if len(self._last) == BLOCK_SIZE:
                await self._stage_last()

    async def _stage_last(self) -> None:
        block, self._last = bytes(self._last), bytearray()  # not both while it is sent
        self._hashes.append(await self._staged(len(self._hashes) + 1, block))

    async def _staged(self, number: int, block: bytes) -> bytes:
        return await stage_hashed(self._recordings, self._practice_id, self._name, number, block)
