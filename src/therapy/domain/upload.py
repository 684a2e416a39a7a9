"""Uploads: recordings being received, staged block by block and hashed on the way."""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from msgspec import Struct

BLOCK_SIZE = 4 * 1024 * 1024
"""The size in bytes of every staged block but the last one."""

NOTED_EVERY = timedelta(minutes=2)
"""How often it is noted that an upload's bytes arrive."""
QUIET = timedelta(minutes=5)
"""An upload of which nothing was noted for so long has lost its process."""


class Upload(Struct, frozen=True, omit_defaults=True):
    """A recording that is being received.

    `offset` is how many bytes are staged, `expires_at` when the sweep may discard them. `recording_key`
    is where the recording is kept and `session_id` the session it becomes, "" until known. `noted_at` is
    when it was last noted that bytes arrive (None: by a program that did not).
    """

    id: str
    practice_id: str
    therapist_id: str
    created_at: datetime
    expires_at: datetime
    offset: int = 0
    session_id: str = ""
    recording_key: str = ""
    noted_at: datetime | None = None
    version: int = 0

    def is_open(self, now: datetime) -> bool:
        """Return whether the upload goes on, as far as one can tell: a dead process notes nothing more."""
        return abs(now - (self.noted_at or self.created_at)) < QUIET


class ReceivedBytes(Struct, frozen=True, omit_defaults=True):
    """How many bytes of recordings a therapist has sent on a day (UTC), whatever became of them."""

    practice_id: str
    therapist_id: str
    day: date
    size: int = 0
    version: int = 0


def block_hash(block: bytes) -> bytes:
    """Return the SHA-256 of one block."""
    return hashlib.sha256(block).digest()


def content_hash(block_hashes: Iterable[bytes]) -> str:
    """Return the SHA-256 (hex) over the SHA-256s of consecutive 4 MiB blocks.

    Unlike a plain SHA-256 it can be continued on another machine when an upload is resumed.
    """
    whole = hashlib.sha256()
    for each in block_hashes:
        whole.update(each)
    return whole.hexdigest()
