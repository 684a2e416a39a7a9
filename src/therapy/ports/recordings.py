"""Recordings: the audio itself, staged block by block and read back in ranges."""

from abc import ABC, abstractmethod
from datetime import datetime


class Recordings(ABC):
    """Keeps audio under keys. A recording is there whole or not at all."""

    @abstractmethod
    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> None:
        """Stage block `number` (from 0) of an upload; the same number again replaces it.

        Every block but the last has `upload.BLOCK_SIZE` bytes. Durable when it returns.

        Raises:
            StorageFull: no room; what was staged before is still there.
        """

    @abstractmethod
    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        """Make blocks 0..blocks-1 the recording `key` and forget the upload; gives its size in bytes.

        Keeping the same upload under the same key once more is no error.

        Raises:
            NotFound: a block is missing. Nothing changed.
        """

    @abstractmethod
    async def discard(self, practice_id: str, upload_id: str) -> None:
        """Throw an upload's staged blocks away. Idempotent."""

    @abstractmethod
    async def size(self, practice_id: str, key: str) -> int:
        """Give a recording's size in bytes.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    async def read(self, practice_id: str, key: str, start: int, end: int) -> bytes:
        """Give bytes `start` up to but not including `end`; fewer only at the end of the recording.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    async def delete(self, practice_id: str, key: str) -> None:
        """Delete a recording. Idempotent."""

    @abstractmethod
    async def staged_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Give up to `limit` (practice id, upload id) whose last block was staged before a moment."""
