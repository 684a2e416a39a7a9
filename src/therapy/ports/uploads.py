"""Uploads: recordings that are being received, so that the ends of dead ones can be cleaned up."""

from abc import ABC, abstractmethod
from datetime import datetime

from therapy.domain.upload import Upload


class Uploads(ABC):
    """Keeps a record of each upload from its first byte until it is a session or gone."""

    @abstractmethod
    async def put(self, practice_id: str, upload: Upload) -> None:
        """Write an upload, new or changed."""

    @abstractmethod
    async def get(self, practice_id: str, upload_id: str) -> Upload:
        """Give an upload.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def remove(self, practice_id: str, upload_id: str) -> None:
        """Forget an upload. Idempotent."""

    @abstractmethod
    async def expired(self, now: datetime, limit: int) -> tuple[Upload, ...]:
        """Give up to `limit` uploads of any practice that expired by `now`, longest expired first."""
