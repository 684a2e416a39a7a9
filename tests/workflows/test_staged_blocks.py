"""A block's SHA-256 is taken once: by the adapter if it needs it, else here."""

from tests.builders import PRACTICE
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.domain.upload import block_hash
from therapy.workflows.staged_file import stage_hashed

BLOCK = b"some sound"


class HashingRecordings(MemoryRecordings):
    """Tells a hash, which is nobody's, so that one sees whose it is."""

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> bytes:
        await super().stage(practice_id, upload_id, number, block)
        return b"told"


async def test_the_hash_that_an_adapter_has_taken_is_not_taken_again() -> None:
    recordings = HashingRecordings()
    assert await stage_hashed(recordings, PRACTICE, "upload", 0, BLOCK) == b"told"
    assert await recordings.staged(PRACTICE, "upload", 0) == BLOCK


async def test_a_block_is_hashed_where_the_adapter_does_not_tell() -> None:
    told = await stage_hashed(MemoryRecordings(), PRACTICE, "upload", 0, BLOCK)
    assert told == block_hash(BLOCK)
