"""Recordings: the audio itself, staged block by block and read back in ranges."""

import re
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from therapy.domain.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_KEY = re.compile(rf"{_NAME.pattern}(?:/{_NAME.pattern}){{0,7}}")


def check_names(practice_id: str, upload_id: str, key: str = "-") -> None:
    """Raise InvalidInput unless every store can take these ids, and this key, as names."""
    named = {"practice_id": practice_id, "upload_id": upload_id}
    for field, name in named.items():
        if not _NAME.fullmatch(name):
            raise InvalidInput(field)
    if not _KEY.fullmatch(key):
        raise InvalidInput("key")


def names_fit(practice_id: str, upload_id: str = "-", key: str = "-") -> bool:
    """Tell whether `check_names` has nothing against them: under other names nothing is ever found."""
    try:
        check_names(practice_id, upload_id, key)
    except InvalidInput:
        return False
    return True


class Recordings(ABC):
    """Keeps audio under keys. A recording is there whole or not at all.

    Ids are 1 to 128 of `A-Za-z0-9_-`, keys up to eight of such parts with "/" between; to stage or
    keep under another name is InvalidInput, and nothing is ever found under one.
    """

    @abstractmethod
    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> None:
        """Stage block `number` (from 0) of an upload; the same number again replaces it.

        Every block but the last has `upload.BLOCK_SIZE` bytes. Durable when it returns.

        Raises:
            StorageFull: no room; what was staged before is still there.
        """

    @abstractmethod
    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        """Make blocks 0..blocks-1 (at least one) the recording `key`, forget the upload, give the size.

        Keeping the same upload under the same key once more is no error.

        Raises:
            NotFound: a block is missing, or one before the last is short. Nothing changed.
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


@runtime_checkable
class SupportsPlaybackLink(Protocol):
    """What some stores can do beside: let a player fetch a recording without us in between."""

    async def playback_link(self, practice_id: str, key: str, lifetime: timedelta) -> str:
        """Give a URL that reads this recording, in ranges too, and nothing else, while it lives.

        Whoever has the URL may listen: it belongs into no log, and lives for minutes, an hour at most.

        Raises:
            InvalidInput: the lifetime is not above nothing and at most an hour.
            NotFound: there is no such recording.
            Unavailable: it can't be signed now.
        """
