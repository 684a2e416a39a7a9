"""Resumable uploads: a recording comes in any number of requests, to any process; then it is a session.

What an upload has is in its record, and the bytes that it names are durable before it names them. Whoever
adds bytes claims the upload first; one that has lost its claim writes nothing more to the record. Bytes and
metadata come in either order: the later of them makes the session, in its request; if that breaks off, the
sweep does it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import (
    CallerError,
    InvalidInput,
    NotFound,
    Stale,
    TherapyError,
    TooLarge,
    TooMuchAtOnce,
    UploadExpired,
    WrongState,
)
from therapy.domain.people import Role
from therapy.domain.upload import FINISHED_FOR, QUIET, Metadata, Upload, digest_of
from therapy.repositories.change import Change
from therapy.workflows.abandoned_uploads import is_used, throw_away
from therapy.workflows.continued_sessions import continued_by
from therapy.workflows.finished_uploads import Arrived, finish
from therapy.workflows.intake import Intake

SETTLING_LOOKS = 10
SETTLING_PAUSE = 0.1
"""Seconds between two looks at an upload of which bytes are still being stored."""

RETRY_AFTER = 300
"""Seconds after which a therapist with too many unfinished uploads may have fewer."""


async def begin(
    actor: Actor,
    length: int | None,
    metadata: Metadata | None = None,
    file_name: str = "",
    *,
    intake: Intake,
) -> Upload:
    """Open an upload of so many bytes (None: said later) for a therapist, and return it.

    Raises:
        Forbidden: the actor is not a therapist.
        InvalidInput: it would be empty.
        TooLarge: it is larger than this installation accepts.
        TooMuchAtOnce: too many of their sessions wait to be transcribed, too many of their uploads are not
            finished, or they have sent too much today.
        Unavailable: too many sessions wait.
        NotFound, InvalidInput: the metadata continues a session that is not theirs, or another patient's.
    """
    require(actor, Action.RECORD)
    _check_length(length, intake=intake)
    records = intake.records
    if metadata is not None and metadata.continues:
        await continued_by(actor, metadata.continues, metadata.details, records=records)
    await intake.waiting_list.admit(actor.practice_id, actor.person_id)
    now = records.now()
    upload = Upload(
        records.new_id(),
        actor.practice_id,
        actor.person_id,
        now,
        now + intake.resumable_for,
        resumable=True,
        length=length,
        metadata=metadata,
        metadata_digest=digest_of(metadata) if metadata else "",
        file_name=file_name,
    )
    received = await intake.limits.received(upload, 0)
    if (length or 1) > intake.limits.left_today(received):
        raise intake.limits.too_many_bytes()
    upload = await noted(upload, intake=intake)
    earlier = [
        each for each in await unfinished(actor, intake=intake) if _order(each) < _order(upload)
    ]
    if len(earlier) >= intake.limits.unfinished:
        await Change(records.uploads.remove(upload)).commit(records.store)
        raise TooMuchAtOnce("too_many_unfinished", retry_after=RETRY_AFTER)
    return upload


def _order(upload: Upload) -> tuple[object, ...]:
    return upload.created_at, upload.id


def _check_length(length: int | None, *, intake: Intake) -> None:
    if length == 0:
        raise InvalidInput("Upload-Length", "empty_file")
    if length is not None and length > intake.max_bytes:
        raise TooLarge(limit=intake.max_bytes)


def length_of(upload: Upload, said: int | None, *, intake: Intake) -> int | None:
    """Return how long an upload will be, of which a request may say it now.

    Raises:
        InvalidInput: it is another length than before, or less than is there.
        TooLarge: it is larger than this installation accepts.
    """
    if said is None:
        return upload.length
    if said < upload.offset or upload.length not in {None, said}:
        raise InvalidInput("Upload-Length")
    _check_length(said, intake=intake)
    return said


async def unfinished(actor: Actor, *, intake: Intake) -> list[Upload]:
    """Return the therapist's own uploads that are not sessions yet, the earliest first.

    Raises:
        Forbidden: the actor is not a therapist.
    """
    require(actor, Action.RECORD)
    records = intake.records
    now = records.now()
    found = [
        each
        async for each in records.uploads.of_practice(actor.practice_id)
        if each.therapist_id == actor.person_id and each.is_unfinished(now)
    ]
    return sorted(found, key=_order)


async def look(actor: Actor, upload_id: str, *, intake: Intake) -> Upload:
    """Return an upload of the therapist's own, finished or not.

    Raises:
        Forbidden: the actor is not a therapist.
        NotFound: there is none, or it is someone else's.
        UploadExpired: nothing came for too long; its bytes are gone.
    """
    require(actor, Action.RECORD)
    upload = await intake.records.uploads.load(actor.practice_id, upload_id)
    if upload.therapist_id != actor.person_id or not upload.resumable:
        raise NotFound(upload=upload_id)
    if intake.records.now() >= upload.expires_at and not upload.awaits_session:
        raise UploadExpired
    return upload


async def settled(actor: Actor, upload_id: str, *, intake: Intake) -> Upload:
    """Return an upload of the therapist's own, a moment later if a request is still adding to it.

    Whoever asks how far it is has lost that request, as a rule: what is on its way of it is worth a wait.

    Raises:
        Forbidden, NotFound, UploadExpired: as `look`.
    """
    upload = await look(actor, upload_id, intake=intake)
    for _ in range(SETTLING_LOOKS):
        if not upload.receiving:
            break
        await asyncio.sleep(SETTLING_PAUSE)
        upload = await look(actor, upload_id, intake=intake)
    return upload


async def describe(actor: Actor, upload_id: str, metadata: Metadata, *, intake: Intake) -> Upload:
    """Write what the recording is; if every byte is there, make the session. Return the upload.

    Written again, it changes nothing, but that an upload which could not become a session is tried again.
    Other metadata are taken then only.

    Raises:
        Forbidden, NotFound, UploadExpired: as `look`.
        WrongState: it has other metadata already.
        CallerError: the recording can't become a session, see `finished_uploads.finish`.
        Stale: someone else has changed the upload.
    """
    upload = await look(actor, upload_id, intake=intake)
    digest = digest_of(metadata)
    if upload.metadata_digest not in {"", digest} and not upload.fault:
        raise WrongState("metadata_differs")
    if upload.finished_at is not None:
        return upload
    if metadata.continues:
        await continued_by(actor, metadata.continues, metadata.details, records=intake.records)
    if upload.metadata_digest != digest or upload.fault:
        upload = await noted(
            upload,
            metadata=metadata,
            metadata_digest=digest,
            fault="",
            expires_at=intake.records.now() + intake.resumable_for,
            intake=intake,
        )
    return await completed(actor, upload, intake=intake)


async def completed(actor: Actor, upload: Upload, *, intake: Intake) -> Upload:
    """Make an upload that has everything a session; return it, unchanged if it lacks something.

    What can't be done now is left to the sweep, since nothing is asked of the client any more.

    Raises:
        CallerError: the recording can't become a session, see `finished_uploads.finish`; the upload says so.
    """
    if upload.metadata is None or not upload.awaits_session:
        return upload
    try:
        made = _finished(actor, upload, upload.metadata, intake=intake)
        return await asyncio.shield(made)
    except CallerError:
        raise
    except TherapyError:
        return upload


async def _finished(actor: Actor, upload: Upload, metadata: Metadata, *, intake: Intake) -> Upload:
    """Make the session, and note that it is one, or why it can't be.

    Raises:
        TherapyError: see `finished_uploads.finish`.
    """
    now = intake.records.now
    upload = await noted(upload, claim=upload.claim + 1, recording_key=upload.id, intake=intake)

    async def note(**changes: object) -> None:
        nonlocal upload
        upload = await noted(upload, intake=intake, **changes)

    arrived = Arrived(
        upload.id,
        upload.block_hashes,
        upload.media_type,
        upload.file_name,
        contested=upload.contested,
    )
    try:
        person = await intake.records.people.load(actor.practice_id, actor.person_id)
        receipt = await finish(actor, person, arrived, metadata, note=note, intake=intake)
    except UploadExpired:  # else it would be complete for ever, and its client content
        await removed(upload, intake=intake)
        raise
    except CallerError as exc:
        await note(fault=exc.code, session_id="", expires_at=now() + intake.resumable_for)
        raise
    await note(
        session_id=receipt.session_id,
        finished_at=now(),
        expires_at=now() + FINISHED_FOR,
        receiving=False,
        metadata=None,  # the session has it, and may be erased
        file_name="",
        hashes=b"",  # all of a practice's uploads are read together
    )
    if not await is_used(upload, records=intake.records):  # the session had it before
        with suppress(TherapyError):
            await intake.recordings.delete(upload.practice_id, upload.recording_key)
    return upload


async def terminate(actor: Actor, upload_id: str, *, intake: Intake) -> None:
    """Remove an upload and its bytes; a session that was made of it stays.

    Raises:
        Forbidden, NotFound, UploadExpired: as `look`.
        Stale: someone is adding to it or makes it a session at this moment.
    """
    upload = await look(actor, upload_id, intake=intake)
    quiet_since = upload.noted_at or upload.created_at
    is_being_made = upload.session_id and not upload.finished_at
    if is_being_made and intake.records.now() < quiet_since + QUIET:
        raise Stale(upload=upload_id)
    await removed(upload, intake=intake)


async def removed(upload: Upload, *, intake: Intake) -> None:
    """Claim an upload, so that nobody adds to it, and remove what is left of it.

    Raises:
        Stale: someone else has changed it.
    """
    records = intake.records
    claimed = await noted(
        upload, claim=upload.claim + 1, expires_at=records.now() + records.claim, intake=intake
    )
    await throw_away(claimed, records=records, recordings=intake.recordings)


async def sweep(upload: Upload, *, intake: Intake) -> None:
    """Do what is due about an upload: make the session that its request left unmade, or remove it.

    It is made in the name of the therapist, who was signed in when the last of it came.
    """
    actor = Actor(upload.therapist_id, Role.THERAPIST, upload.practice_id, sid="")
    with suppress(Stale, CallerError):
        if upload.metadata is not None and upload.awaits_session:
            await _finished(actor, upload, upload.metadata, intake=intake)
        else:
            await removed(upload, intake=intake)


async def noted(upload: Upload, *, intake: Intake, **changes: object) -> Upload:
    """Write an upload's record with these changes; return it.

    Raises:
        Stale: someone else has changed it.
    """
    records = intake.records
    changed = replace(upload, noted_at=records.now(), **changes)
    await Change(records.uploads.write(changed)).commit(records.store)
    return replace(changed, version=changed.version + 1)


def page(uploads: Sequence[Upload], after: str, limit: int) -> tuple[list[Upload], str | None]:
    """Return the uploads behind the one with the id `after` ("" = the first ones), and the next `after`."""
    ids = [each.id for each in uploads]
    start = ids.index(after) + 1 if after in ids else 0
    found = list(uploads[start : start + limit])
    return found, found[-1].id if start + limit < len(uploads) else None
