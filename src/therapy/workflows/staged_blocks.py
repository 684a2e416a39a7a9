"""Stages a block and tells its SHA-256, which is taken once, by the adapter if that needs it."""

import asyncio

from therapy.domain.upload import block_hash
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
