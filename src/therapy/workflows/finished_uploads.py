"""Finished uploads: the recording that arrived is kept, checked, and made a session or a part of one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.errors import Forbidden, NotFound, TooLarge, UploadExpired
from therapy.domain.people import Person
from therapy.domain.session import Recording
from therapy.domain.upload import BLOCK_SIZE, Metadata, block_hash, content_hash
from therapy.ports.audio import ReadRange
from therapy.ports.recordings import SupportsStagingOnce
from therapy.workflows.continued_sessions import continue_session, length_left
from therapy.workflows.intake import Intake
from therapy.workflows.login_check import require_login
from therapy.workflows.new_sessions import Receipt, Spoken, become_session

Note = Callable[..., Awaitable[None]]
"""Writes changes to the upload's record; Stale if someone else has changed it."""


@dataclass(frozen=True)
class Arrived:
    """A recording of which every block is staged: the name of its upload, its blocks' hashes, what it is.

    If it is `contested`, a request that lost the upload may have staged a block of other bytes after the one
    whose hash is noted. `head` are its first bytes, which need not be read again; maybe none. `size` are its
    bytes, if each block was staged once, see `SupportsStagingOnce`; else 0.
    """

    upload_id: str
    hashes: tuple[bytes, ...]
    media_type: str
    file_name: str
    contested: bool = False
    head: bytes = b""
    size: int = 0


async def finish(
    actor: Actor,
    person: Person,
    arrived: Arrived,
    metadata: Metadata,
    *,
    note: Note,
    intake: Intake,
) -> Receipt:
    """Make the received recording a session, or a part of the one it `continues`; return which one.

    `person` is the actor. The upload's record says already that its recording is kept under the upload's id.
    If the same therapist sends the same recording again, by whatever path, it stays the same session; if
    that has failed, it is retried. What is not said of the languages and of how many speak is as this
    installation is set. It can be repeated after it was broken off.

    Raises:
        Forbidden: the metadata names another therapist.
        NotSignedIn: the login has ended while the recording arrived.
        UploadExpired: with code `upload_lost`, staged blocks are gone, or others are in their place.
        NotFound, WrongState, InvalidInput: see `continue_session`.
        UnsupportedAudio: the container has no audio.
        TooLarge: by its headers the recording lasts longer than it may.
        Unavailable: too many recordings wait for their checks.
        AlreadyExists: the recording is a session with other details; says which one.
    """
    practice_id, key = actor.practice_id, arrived.upload_id
    if metadata.therapist and metadata.therapist not in {person.id, person.public_id}:
        raise Forbidden("other_therapist")
    size = await _keep(practice_id, arrived, intake=intake)
    read = _with_head(arrived.head, partial(intake.recordings.read, practice_id, key))
    if arrived.contested:
        await _verify(read, arrived.hashes)
    digest = content_hash(arrived.hashes)
    recording = Recording(key, size, digest, arrived.media_type, arrived.file_name)
    length_ms, _ = await asyncio.gather(
        _check(actor, read, recording, metadata.continues, intake=intake),
        require_login(actor, records=intake.records),  # an hour may have passed
    )
    recording = replace(recording, length_ms=length_ms)
    if metadata.continues:
        new = await continue_session(
            actor,
            metadata.continues,
            recording,
            metadata.details,
            note=note,
            records=intake.records,
            recordings=intake.recordings,
            waiting_list=intake.waiting_list,
        )
        return Receipt(metadata.continues, new=new)
    return await become_session(
        actor,
        person,
        metadata.details,
        recording,
        Spoken(metadata.languages, metadata.people),
        usual=Spoken(intake.languages, intake.people),
        note=note,
        records=intake.records,
        recordings=intake.recordings,
        waiting_list=intake.waiting_list,
    )


async def _keep(practice_id: str, arrived: Arrived, *, intake: Intake) -> int:
    """Make the staged blocks a recording; return its size in bytes.

    Nothing else is kept under that name: what is there was kept before, whatever was staged since by a
    request that had lost the upload.

    Raises:
        UploadExpired: blocks are gone, e.g. because only the records were restored.
    """
    key, blocks, recordings = arrived.upload_id, len(arrived.hashes), intake.recordings
    try:
        if arrived.size and isinstance(recordings, SupportsStagingOnce):
            await recordings.keep_once(practice_id, key, arrived.hashes, key)
            return arrived.size
        return await recordings.keep(practice_id, key, blocks, key)
    except NotFound:
        with suppress(NotFound):
            return await recordings.size(practice_id, key)
        raise UploadExpired("upload_lost") from None


def _with_head(head: bytes, read: ReadRange) -> ReadRange:
    """Return what reads ranges, those of the first bytes from memory."""

    async def read_range(start: int, end: int) -> bytes:
        return head[start:end] if end <= len(head) else await read(start, end)

    return read_range


async def _verify(read: ReadRange, hashes: Sequence[bytes]) -> None:
    """Raise UploadExpired unless the recording has the blocks of these hashes."""
    for number, wanted in enumerate(hashes):
        block = await read(number * BLOCK_SIZE, (number + 1) * BLOCK_SIZE)
        if await asyncio.to_thread(block_hash, block) != wanted:
            raise UploadExpired("upload_lost")


async def _check(
    actor: Actor, read: ReadRange, recording: Recording, continues: str, *, intake: Intake
) -> int:
    """Let the decoder check the recording; its length together with that of the session it continues.

    Returns how long it is by its headers, in ms (0 = not known).
    """
    left = whole = intake.longest_ms
    if continues:
        left = await length_left(
            actor, continues, recording.content_hash, whole, records=intake.records
        )
    try:
        found = await intake.audio.check(actor.practice_id, read, recording.size, longest_ms=left)
    except TooLarge as exc:
        raise TooLarge(exc.code, **exc.details | {"longest": whole // 1000}) from None
    return found or 0
