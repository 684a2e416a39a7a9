"""A recording on its way in: staged block by block, hashed while it passes."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

BLOCK_SIZE = 4 * 1024 * 1024
"""Bytes of every staged block but the last one."""


class Upload(Struct, frozen=True, omit_defaults=True):
    """A recording that is being received.

    `offset` is how many bytes are staged, `expires_at` when the sweep may throw them away,
    `recording_key` where the recording goes and `session_id` whose it becomes, once known.
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
    """SHA-256 of one block."""
    return hashlib.sha256(block).digest()


def content_hash(block_hashes: Iterable[bytes]) -> str:
    """SHA-256 (hex) over the SHA-256s of consecutive 4 MiB blocks.

    A resumed upload on another machine can go on with it, which a plain SHA-256 doesn't allow.
    """
    whole = hashlib.sha256()
    for each in block_hashes:
        whole.update(each)
    return whole.hexdigest()
