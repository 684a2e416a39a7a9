"""A file that is made here, staged block by block while it is made, and kept under its own name."""

import asyncio

from therapy.domain.errors import EngineDied
from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash
from therapy.ports.recordings import Recordings, SupportsStagingOnce


async def stage_hashed(
    recordings: Recordings,
    practice_id: str,
    upload_id: str,
    number: int,
    block: bytes,
    *,
    once: bool = False,
) -> bytes:
    """Stage a block; return its SHA-256 once it is durable, or staged if `once`: see `SupportsStagingOnce`.

    Raises:
        StorageFull, Unavailable: see `Recordings.stage`.
    """
    if once and isinstance(recordings, SupportsStagingOnce):
        digest = await recordings.stage_once(practice_id, upload_id, number, block)
    else:
        digest = await recordings.stage(practice_id, upload_id, number, block)
    return await asyncio.to_thread(block_hash, block) if digest is None else digest


class StagedFile:
    """At most two blocks (8 MiB) are in memory: the first, which may change until the end, and the last.

    `name` is both the upload's id and the recording's key, so that nothing is copied.
    """

    def __init__(self, practice_id: str, name: str, recordings: Recordings) -> None:
        self.size = 0
        self._practice_id, self._name, self._recordings = practice_id, name, recordings
        self._first, self._rest = bytearray(), bytearray()
        self._hashes: list[bytes] = []

    async def put(self, offset: int, content: bytes) -> None:
        """Put bytes at the end of the file, or over some of its first block.

        Raises:
            EngineDied: they stand elsewhere.
            StorageFull, Unavailable: they can't be staged.
        """
        end = offset + len(content)
        if offset == self.size:
            self._append(content)
            await self._stage_whole()
        elif end <= len(self._first):
            self._first[offset:end] = content
        else:
            raise EngineDied(reason="protocol")

    async def keep(self) -> str:
        """Stage the rest, keep the file under its name, and return its hash."""
        if self._rest:
            await self._stage(len(self._hashes) + 1, bytes(self._rest))
        first = await self._staged(0, bytes(self._first))
        hashes = (first, *self._hashes)
        await self._recordings.keep(self._practice_id, self._name, len(hashes), self._name)
        return content_hash(hashes)

    def _append(self, content: bytes) -> None:
        room = BLOCK_SIZE - len(self._first)
        self._first += content[:room]
        self._rest += content[room:]
        self.size += len(content)

    async def _stage_whole(self) -> None:
        while len(self._rest) >= BLOCK_SIZE:
            block = bytes(memoryview(self._rest)[:BLOCK_SIZE])
            await self._stage(len(self._hashes) + 1, block)
            del self._rest[:BLOCK_SIZE]

    async def _stage(self, number: int, block: bytes) -> None:
        self._hashes.append(await self._staged(number, block))

    async def _staged(self, number: int, block: bytes) -> bytes:
        return await stage_hashed(self._recordings, self._practice_id, self._name, number, block)
