"""Uploads: recordings that are being received, found by when they expire."""

from collections.abc import AsyncIterator

from therapy.domain.errors import NotFound, Stale
from therapy.domain.partition_keys import key, part
from therapy.domain.upload import FINISHED_AFTER, Upload
from therapy.repositories.change import Pending
from therapy.repositories.repository import Due, Repository

UPLOAD_QUEUE = "upload"
RESUMABLE_QUEUE = "upload.resumable"
"""A queue of its own: a program that can't resume uploads leaves them alone."""

UPLOAD_QUEUES = UPLOAD_QUEUE, RESUMABLE_QUEUE


class Uploads(Repository[Upload]):
    """Stores a record of each upload, from before its first byte until it is a session or discarded.

    All uploads of a practice share a partition, so that they can be counted without an index.
    """

    kind = "upload"
    struct = Upload

    def due(self, record: Upload) -> Due | None:
        if not record.resumable:
            return Due(UPLOAD_QUEUE, record.expires_at)
        if record.awaits_session:
            return Due(RESUMABLE_QUEUE, (record.noted_at or record.created_at) + FINISHED_AFTER)
        return Due(RESUMABLE_QUEUE, record.expires_at)

    async def load(self, practice_id: str, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            NotFound: there is none in this practice.
        """
        upload = await self.get(_partition(practice_id), _id(upload_id))
        if upload is None:
            raise NotFound(upload=upload_id)
        return upload

    async def of_practice(self, practice_id: str) -> AsyncIterator[Upload]:
        """Yield the uploads of a practice that are not over and that this program can read."""
        async for item in self.items(_partition(practice_id), "upload-"):
            if (upload := self.read_if_known(item)) is not None:
                yield upload

    async def every_one_of_practice(self, practice_id: str) -> AsyncIterator[Upload]:
        """Yield every upload of a practice that is not over.

        Raises:
            Unavailable: one is damaged, or only a newer program can read it.
        """
        async for item in self.items(_partition(practice_id), "upload-"):
            yield self.read(item)

    def write(self, upload: Upload) -> Pending:
        """Write an upload that is new (version 0) or unchanged since it was read; else Stale."""
        partition = _partition(upload.practice_id)
        return self.save(partition, _id(upload.id), upload, upload.version, Stale(upload=upload.id))

    def remove(self, upload: Upload) -> Pending:
        """Delete an upload, even if it has changed since it was read. Idempotent."""
        return self.delete(_partition(upload.practice_id), _id(upload.id))


def _partition(practice_id: str) -> str:
    return key("uploads", practice_id)


def _id(upload_id: str) -> str:
    return f"upload-{part(upload_id)}"
