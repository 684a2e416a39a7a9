"""Uploads: recordings being received, staged block by block and hashed on the way."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

BLOCK_SIZE = 4 * 1024 * 1024
"""The size in bytes of every staged block but the last one."""


class Upload(Struct, frozen=True, omit_defaults=True):
    """A recording that is being received.

    `offset` is how many bytes are staged, `expires_at` when the sweep may discard them. `recording_key`
    is where the recording is kept and `session_id` the session it becomes, "" until known.
    """

    id: str
    practice_id: str
    therapist_id: str
    created_at: datetime
    expires_at: datetime
    offset: int = 0
    session_id: str = ""
    recording_key: str = ""
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
