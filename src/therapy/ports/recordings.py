"""Recordings: the audio, staged block by block and read back in ranges."""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from therapy.domain.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_KEY = re.compile(rf"{_NAME.pattern}(?:/{_NAME.pattern}){{0,7}}")


def check_names(practice_id: str, upload_id: str, key: str = "-") -> None:
    """Raise InvalidInput unless every adapter can use these ids, and this key, as names."""
    named = {"practice_id": practice_id, "upload_id": upload_id}
    for field, name in named.items():
        if not _NAME.fullmatch(name):
            raise InvalidInput(field)
    if not _KEY.fullmatch(key):
        raise InvalidInput("key")


def names_fit(practice_id: str, upload_id: str = "-", key: str = "-") -> bool:
    """Return whether `check_names` accepts them: nothing is ever found under other names."""
    try:
        check_names(practice_id, upload_id, key)
    except InvalidInput:
        return False
    return True


class Recordings(ABC):
    """Stores audio under keys. A recording is there completely or not at all.

    Ids are 1 to 128 characters of `A-Za-z0-9_-`, keys up to eight such parts joined by "/". Staging or
    keeping under any other name raises InvalidInput, and nothing is ever found under one.
    """

    @abstractmethod
    async def stage(
        self, practice_id: str, upload_id: str, number: int, block: bytes
    ) -> bytes | None:
        """Stage block `number` (from 0) of an upload; staging the same number again replaces it.

        Every block but the last is `upload.BLOCK_SIZE` bytes. It is durable when the call returns, with the
        block's SHA-256 if the adapter needed that anyway, else None.

        Raises:
            StorageFull: no room; what was staged before is still there.
        """

    @abstractmethod
    async def staged(self, practice_id: str, upload_id: str, number: int) -> bytes:
        """Return a staged block; it stays staged. Not while blocks of the same upload are being staged.

        Raises:
            NotFound: it is not staged, or the upload has been kept.
        """

    @abstractmethod
    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        """Make blocks 0..blocks-1 (at least one) the recording `key`; return its size in bytes.

        The upload's staged blocks are gone then. Keeping the same upload under the same key again is
        not an error.

        Raises:
            NotFound: a block is missing, or one before the last is short. Nothing changed.
        """

    @abstractmethod
    async def discard(self, practice_id: str, upload_id: str) -> None:
        """Delete an upload's staged blocks. Idempotent."""

    @abstractmethod
    async def size(self, practice_id: str, key: str) -> int:
        """Return a recording's size in bytes.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    async def read(self, practice_id: str, key: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to but not including `end`; fewer only at the recording's end.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    async def delete(self, practice_id: str, key: str) -> None:
        """Delete a recording. Idempotent."""

    @abstractmethod
    async def staged_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Return up to `limit` (practice id, upload id) whose last block was staged before `moment`."""


@runtime_checkable
class SupportsStagingOnce(Protocol):
    """Optional: adapters that do less for an upload of which no number is staged twice."""

    async def stage_once(
        self, practice_id: str, upload_id: str, number: int, block: bytes, digest: bytes
    ) -> None:
        """Stage a block, see `Recordings.stage`, of an upload of which each number is staged once.

        `digest` is its SHA-256.
        Blocks may be staged in any order and at the same time. They need not be durable before `keep_once`
        returns. `staged_before` may take such an upload for as old as its block 0, and need not find it
        without: whether it goes on, its record says.
        """

    async def keep_once(
        self, practice_id: str, upload_id: str, hashes: Sequence[bytes], key: str
    ) -> None:
        """Make such an upload the recording `key`, see `Recordings.keep`; `hashes` are its blocks' SHA-256.

        Each block is staged and but for the last one whole.

        Raises:
            NotFound: a block is missing. Nothing changed.
        """


@runtime_checkable
class SupportsListing(Protocol):
    """Optional: adapters that can list every recording, for checks."""

    def kept(self) -> AsyncIterator[tuple[str, str]]:
        """Yield (practice id, key) of every recording, in no particular order, without staged uploads.

        What is kept or deleted meanwhile may be missed.
        """


@runtime_checkable
class SupportsPlaybackLink(Protocol):
    """Optional: adapters from which a player can fetch a recording directly."""

    async def playback_link(
        self, practice_id: str, key: str, lifetime: timedelta, media_type: str
    ) -> str:
        """Return a URL that reads this recording only, in ranges too, until its lifetime ends.

        It answers with `media_type` as Content-Type, without which some players play nothing. Anyone who has
        the URL can listen: it must never be logged, and is valid for an hour at most.

        Raises:
            InvalidInput: the lifetime is not positive, or more than an hour.
            NotFound: there is no such recording.
            Unavailable: the URL can't be signed now.
        """
