"""Taking a recording in: staged while it arrives, a session once everything about it is known.

Whatever goes wrong before that leaves nothing behind; what a killed process leaves, `sweep` removes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import (
    AlreadyExists,
    Forbidden,
    InvalidInput,
    LeaseLost,
    NotFound,
    Stale,
    TherapyError,
    TooLarge,
    WrongState,
)
from therapy.domain.media import SNIFF_BYTES, sniff
from therapy.domain.outbox import EntryChanged, RunDue
from therapy.domain.people import Person, Role
from therapy.domain.run import Run, RunKind
from therapy.domain.session import (
    Details,
    Recording,
    Session,
    State,
    linked,
    same_details,
    title_of,
)
from therapy.domain.session_status import SessionStatus, progress_of
from therapy.domain.upload import BLOCK_SIZE, Upload, block_hash, content_hash
from therapy.ports.sessions import Change
from therapy.workflows import review
from therapy.workflows.desk import Desk
from therapy.workflows.outbox_relay import commit, fingerprint


class Receipt(Struct, frozen=True):
    """What became of a recording: a new session, or the one that it already was."""

    session_id: str
    new: bool


@asynccontextmanager
async def receiving(actor: Actor, *, desk: Desk) -> AsyncIterator["Receiving"]:
    """Open an upload for a therapist; leaving without `finish` throws everything away.

    Raises:
        Forbidden: the actor is no therapist.
    """
    require(actor, Action.RECORD)
    now = desk.now()
    upload = Upload(
        desk.new_id(), actor.practice_id, actor.person_id, now, now + desk.limits.upload_expiry
    )
    await desk.uploads.put(actor.practice_id, upload)
    incoming = Receiving(upload, desk)
    try:
        yield incoming
    finally:
        with suppress(TherapyError):  # what can't be removed now is removed by the sweep
            await asyncio.shield(throw_away(incoming.upload, desk=desk))


class Receiving:
    """An upload in progress: at most one block (4 MiB) of it is in memory."""

    def __init__(self, upload: Upload, desk: Desk) -> None:
        self.upload = upload
        self.media_type = ""
        self._desk = desk
        self._block = bytearray()
        self._hashes: list[bytes] = []

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of the recording.

        Raises:
            TooLarge: more than this installation accepts.
            UnsupportedAudio: the first bytes are no audio that can be read.
            StorageFull: no room.
        """
        limit = self._desk.limits.upload_bytes
        if self.upload.offset + len(self._block) + len(chunk) > limit:
            raise TooLarge(limit=limit)
        self._block += chunk
        if not self.media_type and len(self._block) >= SNIFF_BYTES:
            self.media_type = sniff(bytes(self._block[:SNIFF_BYTES]))
        while len(self._block) >= BLOCK_SIZE:
            block = bytes(memoryview(self._block)[:BLOCK_SIZE])
            del self._block[:BLOCK_SIZE]
            await self._stage(block)

    async def _stage(self, block: bytes) -> None:
        desk, upload = self._desk, self.upload
        await desk.recordings.stage(upload.practice_id, upload.id, len(self._hashes), block)
        self._hashes.append(await asyncio.to_thread(block_hash, block))
        self.upload = replace(upload, offset=upload.offset + len(block))
        if desk.now() > upload.expires_at - desk.limits.upload_expiry / 2:
            await self._note(expires_at=desk.now() + desk.limits.upload_expiry)

    async def _note(self, **changes: object) -> None:
        self.upload = replace(self.upload, **changes)
        await self._desk.uploads.put(self.upload.practice_id, self.upload)

    async def end(self) -> None:
        """No more bytes will come.

        Raises:
            InvalidInput: there were none at all.
            UnsupportedAudio: as `write`.
        """
        if not self._block and not self._hashes:
            raise InvalidInput("audio_file", "empty_file")
        if not self.media_type:
            self.media_type = sniff(bytes(self._block[:SNIFF_BYTES]))
        if self._block:
            block = bytes(self._block)
            self._block.clear()
            await self._stage(block)

    async def finish(
        self,
        actor: Actor,
        details: Details,
        *,
        therapist: str,
        file_name: str,
        languages: tuple[str, ...] = (),
    ) -> Receipt:
        """Make the received recording a session.

        `therapist` is who the metadata says the therapist is ("" = does not say), `languages` what is
        spoken (none = what this installation expects). The same recording sent again by the same
        therapist gives the same session; one that failed is then tried again.

        Raises:
            Forbidden: the metadata names another therapist.
            UnsupportedAudio: the container holds no audio.
            AlreadyExists: the recording is a session with other details; says which.
        """
        desk = self._desk
        person = await desk.people.person(actor.practice_id, actor.person_id)
        if therapist and therapist not in {person.id, person.public_id}:
            raise Forbidden("other_therapist")
        key = self.upload.id
        await self._note(recording_key=key)
        size = await desk.recordings.keep(actor.practice_id, key, len(self._hashes), key)
        await desk.audio.check(
            actor.practice_id, partial(desk.recordings.read, actor.practice_id, key), size
        )
        recording = Recording(key, size, content_hash(self._hashes), self.media_type, file_name)
        return await self._become_session(actor, person, details, recording, languages)

    async def _become_session(
        self,
        actor: Actor,
        person: Person,
        details: Details,
        recording: Recording,
        languages: tuple[str, ...],
    ) -> Receipt:
        """Reserve the recording's fingerprint and write the session under the reserved id.

        A reservation without a session is one whose writer died: its id is taken over.
        """
        desk, practice_id = self._desk, actor.practice_id
        key, mine = fingerprint(person.id, recording.content_hash), desk.new_id()
        while True:
            session_id = await desk.reservations.reserve(practice_id, key, mine)
            await self._note(session_id=session_id)
            try:
                existing = await desk.sessions.load(practice_id, session_id)
            except NotFound:
                try:
                    await _begin(session_id, person, details, recording, languages, desk=desk)
                except Stale:  # the same recording came in twice at once, and the other was first
                    continue
                return Receipt(session_id, new=True)
            if existing.state not in {State.CANCELLED, State.ERASED}:
                return await _seen_before(actor, existing, details, languages, desk=desk)
            await desk.reservations.replace(practice_id, key, session_id, mine)


async def _begin(
    session_id: str,
    person: Person,
    details: Details,
    recording: Recording,
    languages: tuple[str, ...],
    *,
    desk: Desk,
) -> None:
    practice = await desk.people.practice(person.practice_id)
    try:
        account = await desk.people.by_number(person.practice_id, details.patient.number)
    except NotFound:
        account = None
    if account is not None and account.role is not Role.PATIENT:
        account = None
    now = desk.now()
    session = Session(
        id=session_id,
        practice_id=person.practice_id,
        therapist_id=person.id,
        therapist_name=person.full_name,
        therapist_email=person.email,
        details=replace(details, patient=linked(details.patient, account)),
        recording=recording,
        created_at=now,
        languages=languages or desk.limits.languages,
        title=title_of(details.date, practice.language),
        demo=person.demo,
    )
    run = Run(
        id=desk.new_id(),
        practice_id=person.practice_id,
        session_id=session_id,
        kind=RunKind.TRANSCRIBE,
        created_at=now,
        due_at=now,
        languages=session.languages,
    )
    change = Change(session=session, runs=(run,))
    await commit(person.practice_id, session_id, change, RunDue(), EntryChanged(), desk=desk)


async def _seen_before(
    actor: Actor, existing: Session, details: Details, languages: tuple[str, ...], *, desk: Desk
) -> Receipt:
    """Answer a recording that is a session already; a failed one is tried again, maybe in other languages."""
    if not same_details(existing.details, details):
        raise AlreadyExists("duplicate_recording", session=existing.id)
    runs = await desk.runs.of_session(existing.practice_id, existing.id)
    if progress_of(existing, runs).state is SessionStatus.FAILED:
        with suppress(WrongState, LeaseLost):  # somebody else had it tried again
            await review.retry(actor, existing.id, languages=languages, desk=desk)
    return Receipt(existing.id, new=False)


async def throw_away(upload: Upload, *, desk: Desk) -> None:
    """Remove what is left of an upload, but for a recording that a session holds. Idempotent."""
    practice_id = upload.practice_id
    await desk.recordings.discard(practice_id, upload.id)
    if upload.recording_key and not await _held_by_session(upload, desk=desk):
        await desk.recordings.delete(practice_id, upload.recording_key)
    await desk.uploads.remove(practice_id, upload.id)


async def _held_by_session(upload: Upload, *, desk: Desk) -> bool:
    if not upload.session_id:
        return False
    try:
        session = await desk.sessions.load(upload.practice_id, upload.session_id)
    except NotFound:
        return False
    return session.recording.key == upload.recording_key
