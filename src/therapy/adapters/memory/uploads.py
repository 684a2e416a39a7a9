"""Uploads in memory."""

from datetime import datetime

from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.upload import Upload
from therapy.ports.uploads import Uploads


class MemoryUploads(Uploads):
    """Uploads by practice and id."""

    def __init__(self) -> None:
        self._uploads: dict[tuple[str, str], bytes] = {}

    async def put(self, practice_id: str, upload: Upload) -> None:
        self._uploads[practice_id, upload.id] = codec.encode(upload)

    async def get(self, practice_id: str, upload_id: str) -> Upload:
        stored = self._uploads.get((practice_id, upload_id))
        if stored is None:
            raise NotFound(upload=upload_id)
        return codec.decode(Upload, stored)

    async def remove(self, practice_id: str, upload_id: str) -> None:
        self._uploads.pop((practice_id, upload_id), None)

    async def expired(self, now: datetime, limit: int) -> tuple[Upload, ...]:
        uploads = [codec.decode(Upload, each) for each in self._uploads.values()]
        over = [each for each in uploads if each.expires_at <= now]
        return tuple(sorted(over, key=lambda each: each.expires_at)[: max(0, limit)])
