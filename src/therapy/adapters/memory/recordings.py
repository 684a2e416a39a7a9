"""Recordings in memory."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from therapy.domain.errors import NotFound, StorageFull
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.recordings import Recordings, check_names


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryRecordings(Recordings):
    """Keeps blocks and recordings as bytes; `room` is how many bytes fit in total (None = unlimited)."""

    def __init__(self, room: int | None = None, now: Callable[[], datetime] = _now) -> None:
        self.room = room
        self._now = now
        self._staged: dict[tuple[str, str], dict[int, bytes]] = {}
        self._staged_at: dict[tuple[str, str], datetime] = {}
        self._kept: dict[tuple[str, str], bytes] = {}

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> None:
        check_names(practice_id, upload_id)
        if self.room is not None and self._used() + len(block) > self.room:
            raise StorageFull
        upload = practice_id, upload_id
        self._staged.setdefault(upload, {})[number] = bytes(block)
        self._staged_at[upload] = self._now()

    async def staged(self, practice_id: str, upload_id: str, number: int) -> bytes:
        blocks = self._staged.get((practice_id, upload_id), {})
        if number not in blocks:
            raise NotFound(upload=upload_id)
        return blocks[number]

    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        check_names(practice_id, upload_id, key)
        upload, recording = (practice_id, upload_id), (practice_id, key)
        if upload not in self._staged and recording in self._kept:
            return len(self._kept[recording])
        staged = self._staged.get(upload, {})
        short = [
            number for number in range(blocks - 1) if len(staged.get(number, b"")) < BLOCK_SIZE
        ]
        if short or blocks < 1 or blocks - 1 not in staged:
            raise NotFound(upload=upload_id)
        self._kept[recording] = b"".join(staged[number] for number in range(blocks))
        await self.discard(practice_id, upload_id)
        return len(self._kept[recording])

    async def discard(self, practice_id: str, upload_id: str) -> None:
        self._staged.pop((practice_id, upload_id), None)
        self._staged_at.pop((practice_id, upload_id), None)

    async def size(self, practice_id: str, key: str) -> int:
        return len(self._recording(practice_id, key))

    async def read(self, practice_id: str, key: str, start: int, end: int) -> bytes:
        return self._recording(practice_id, key)[max(0, start) : max(0, end)]

    async def delete(self, practice_id: str, key: str) -> None:
        self._kept.pop((practice_id, key), None)

    async def staged_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        old = [(at, upload) for upload, at in self._staged_at.items() if at < moment]
        return tuple(upload for _, upload in sorted(old)[: max(0, limit)])

    async def kept(self) -> AsyncIterator[tuple[str, str]]:
        """Yield every recording, see `SupportsListing`."""
        for recording in tuple(self._kept):
            yield recording

    def _recording(self, practice_id: str, key: str) -> bytes:
        if (practice_id, key) not in self._kept:
            raise NotFound(recording=key)
        return self._kept[practice_id, key]

    def _used(self) -> int:
        staged = sum(len(block) for upload in self._staged.values() for block in upload.values())
        return staged + sum(len(recording) for recording in self._kept.values())
