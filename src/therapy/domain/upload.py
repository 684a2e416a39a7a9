"""Uploads: recordings being received, staged block by block and hashed on the way."""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from msgspec import Struct

from therapy.domain import codec
from therapy.domain.session import Details

TAIL = "-tail-"
"""What is between an upload's id and a number in the name under which its incomplete block is staged."""

HASH_SIZE = 32
"""The size in bytes of a SHA-256."""

FINISHED_FOR = timedelta(days=1)
"""How long it can be asked what became of a resumable upload."""

FINISHED_AFTER = timedelta(minutes=1)
"""How long whoever received the last byte may take to make the session, before others do."""

BLOCK_SIZE = 4 * 1024 * 1024
"""The size in bytes of every staged block but the last one."""

NOTED_EVERY = timedelta(minutes=2)
"""How often it is noted that an upload's bytes arrive."""
QUIET = timedelta(minutes=5)
"""An upload of which nothing was noted for so long has lost its process."""


class Metadata(Struct, frozen=True, omit_defaults=True):
    """What was said of a recording: `therapist` is the id it names ("" = none), `languages` what is spoken,
    `people` how many speak (0 = not said).

    `continues` is the session that the recording is a part of ("" = it is a session of its own).
    """

    details: Details
    therapist: str = ""
    languages: tuple[str, ...] = ()
    people: int = 0
    continues: str = ""


class Upload(Struct, frozen=True, omit_defaults=True):
    """A recording that is being received.

    `offset` is how many bytes are staged, `expires_at` when the sweep may discard them. `recording_key`
    is where the recording is kept once it is complete, "" if that was not begun; `session_id` is the session
    it becomes, "" until known. `noted_at` is when it was last noted that bytes arrive (None: by a program
    that did not).

    The rest is about uploads that can be resumed: `length` is how long the recording will be (None: not
    known yet), `claim` counts who began to add to it, the last of whom may, `receiving` says that one is at
    it, and `contested` that one began while another was. `hashes` are the SHA-256s of the blocks, `tail` is
    the name under which what follows the last whole block is staged ("" = nothing does). `metadata_digest`
    tells whether the same `metadata` come again, which are forgotten once the session has them. `fault` is
    the code of the error because of which it is no session yet, and `finished_at` is when it became one.
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
    resumable: bool = False
    length: int | None = None
    claim: int = 0
    receiving: bool = False
    contested: bool = False
    hashes: bytes = b""
    tail: str = ""
    media_type: str = ""
    file_name: str = ""
    metadata: Metadata | None = None
    metadata_digest: str = ""
    fault: str = ""
    finished_at: datetime | None = None
    version: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every byte is there."""
        return self.length is not None and self.offset == self.length

    @property
    def awaits_session(self) -> bool:
        """Whether nothing is missing but that the session is made."""
        ready = self.is_complete and self.metadata is not None
        return ready and not self.fault and self.finished_at is None

    @property
    def block_hashes(self) -> tuple[bytes, ...]:
        """The SHA-256 of each staged block."""
        starts = range(0, len(self.hashes), HASH_SIZE)
        return tuple(self.hashes[at : at + HASH_SIZE] for at in starts)

    def is_unfinished(self, now: datetime) -> bool:
        """Return whether this is a resumable upload that may still become a session."""
        return self.resumable and self.finished_at is None and now < self.expires_at

    def is_open(self, now: datetime) -> bool:
        """Return whether the upload goes on, as far as one can tell: a dead process notes nothing more."""
        if self.resumable and not self.receiving:
            return False
        return abs(now - (self.noted_at or self.created_at)) < QUIET


class ReceivedBytes(Struct, frozen=True, omit_defaults=True):
    """How many bytes of recordings a therapist has sent on a day (UTC), whatever became of them."""

    practice_id: str
    therapist_id: str
    day: date
    size: int = 0
    version: int = 0


def digest_of(metadata: Metadata) -> str:
    """Return the SHA-256 (hex) of metadata."""
    return hashlib.sha256(codec.encode(metadata)).hexdigest()


def tail_name(upload: Upload) -> str:
    """Return the name under which whoever claimed the upload last stages its incomplete block.

    Each has a name of its own: nobody overwrites what another one acknowledged.
    """
    return f"{upload.id}{TAIL}{upload.claim}"


def upload_of(staged: str) -> str:
    """Return the id of the upload to which the blocks belong that are staged under this name."""
    return staged.partition(TAIL)[0]


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
