"""Taking a recording in: staged while it arrives, a session once everything about it is known.

Whatever goes wrong before that leaves nothing behind; what a killed process leaves, the sweep removes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
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
from therapy.domain.outbox import RunDue, SessionEntryChanged
from therapy.domain.people import Person
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
from therapy.ports.audio import AudioDecoder
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.repositories.unique_keys import UniqueKey
from therapy.workflows import review
from therapy.workflows.erasure import fingerprint


@dataclass(frozen=True)
class Intake:
    """What taking a recording in needs: where it goes, what looks into it, and the limits.

    `max_bytes` is of one recording, `expiry` how long an upload may stand still, `languages` what this
    installation expects to be spoken.
    """

    records: Records
    recordings: Recordings
    audio: AudioDecoder
    max_bytes: int = 2 * 1024**3
    expiry: timedelta = timedelta(hours=1)
    languages: tuple[str, ...] = ("he-IL", "en-US")


class Receipt(Struct, frozen=True):
    """What became of a recording: a new session, or the one that it already was."""

    session_id: str
    new: bool


@asynccontextmanager
async def receiving(actor: Actor, *, intake: Intake) -> AsyncIterator["Receiving"]:
    """Open an upload for a therapist; leaving without `finish` throws everything away.

    Raises:
        Forbidden: the actor is no therapist.
    """
    require(actor, Action.RECORD)
    records, now = intake.records, intake.records.now()
    upload = Upload(records.new_id(), actor.practice_id, actor.person_id, now, now + intake.expiry)
    incoming = Receiving(upload, intake)
    await incoming.note()
    try:
        yield incoming
    finally:
        with suppress(TherapyError):  # what can't be removed now is removed by the sweep
            left = throw_away(incoming.upload, records=records, recordings=intake.recordings)
            await asyncio.shield(left)


class Receiving:
    """An upload in progress: at most one block (4 MiB) of it is in memory."""

    def __init__(self, upload: Upload, intake: Intake) -> None:
        self.upload = upload
        self.media_type = ""
        self._intake = intake
        self._block = bytearray()
        self._hashes: list[bytes] = []

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of the recording.

        Raises:
            TooLarge: more than this installation accepts.
            UnsupportedAudio: the first bytes are no audio that can be read.
            StorageFull: no room.
        """
        limit = self._intake.max_bytes
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
        intake, upload = self._intake, self.upload
        number = len(self._hashes)
        await intake.recordings.stage(upload.practice_id, upload.id, number, block)
        self._hashes.append(await asyncio.to_thread(block_hash, block))
        self.upload = replace(upload, offset=upload.offset + len(block))
        now = intake.records.now()
        if now > upload.expires_at - intake.expiry / 2:
            await self.note(expires_at=now + intake.expiry)

    async def note(self, **changes: object) -> None:
        """Write how far the upload is."""
        records = self._intake.records
        noted = replace(self.upload, **changes)
        await Change(records.uploads.write(noted)).commit(records.store)
        self.upload = replace(noted, version=noted.version + 1)

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
        intake, practice_id = self._intake, actor.practice_id
        person = await intake.records.people.load(practice_id, actor.person_id)
        if therapist and therapist not in {person.id, person.public_id}:
            raise Forbidden("other_therapist")
        key = self.upload.id
        await self.note(recording_key=key)
        size = await intake.recordings.keep(practice_id, key, len(self._hashes), key)
        read = partial(intake.recordings.read, practice_id, key)
        await intake.audio.check(practice_id, read, size)
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
        """Take the recording's fingerprint and write the session under the id that it names.

        A fingerprint without a session is one whose writer died: its id is taken over.
        """
        records = self._intake.records
        key = fingerprint(person.id, recording.content_hash)
        new = records.new_id()
        while True:
            held = await _taken(UniqueKey(person.practice_id, key, new), records=records)
            await self.note(session_id=held.value)
            try:
                existing = await records.sessions.load(person.practice_id, held.value)
            except NotFound:
                try:
                    await _begin(
                        held.value, person, details, recording, languages, intake=self._intake
                    )
                except Stale:  # the same recording came in twice at once, and the other was first
                    continue
                return Receipt(held.value, new=True)
            if existing.state not in {State.CANCELLED, State.ERASED}:
                return await _seen_before(actor, existing, details, languages, records=records)
            with suppress(Stale):  # somebody else has handed it over
                handed = records.unique_keys.hand_over(held, new)
                await Change(handed).commit(records.store)


async def _taken(wanted: UniqueKey, *, records: Records) -> UniqueKey:
    """Take a key if it is free; return who has it now."""
    while True:
        try:
            await Change(records.unique_keys.take(wanted)).commit(records.store)
            return replace(wanted, version=wanted.version + 1)
        except AlreadyExists:
            held = await records.unique_keys.load(wanted.practice_id, wanted.key)
        if held is not None and held.value:
            return held
        wanted = replace(wanted, version=held.version if held else 0)


async def _begin(
    session_id: str,
    person: Person,
    details: Details,
    recording: Recording,
    languages: tuple[str, ...],
    *,
    intake: Intake,
) -> None:
    records = intake.records
    practice = await records.practices.load(person.practice_id)
    account = await review.patient_account(
        person.practice_id, details.patient.number, records=records
    )
    now = records.now()
    session = Session(
        id=session_id,
        practice_id=person.practice_id,
        therapist_id=person.id,
        therapist_name=person.full_name,
        therapist_email=person.email,
        details=replace(details, patient=linked(details.patient, account)),
        recording=recording,
        created_at=now,
        languages=languages or intake.languages,
        title=title_of(details.date, practice.language),
        demo=person.demo,
    )
    run = Run(
        id=records.new_id(),
        practice_id=person.practice_id,
        session_id=session_id,
        kind=RunKind.TRANSCRIBE,
        created_at=now,
        due_at=now,
        languages=session.languages,
    )
    change = Change(records.sessions.write(session), records.runs.write(run))
    follows = RunDue(session_id), SessionEntryChanged(session_id)
    await records.commit(person.practice_id, change, *follows)


async def _seen_before(
    actor: Actor,
    existing: Session,
    details: Details,
    languages: tuple[str, ...],
    *,
    records: Records,
) -> Receipt:
    """Answer a recording that is a session already; a failed one is tried again, maybe in other languages."""
    if not same_details(existing.details, details):
        raise AlreadyExists("duplicate_recording", session=existing.id)
    runs = await records.runs.of_session(existing.practice_id, existing.id)
    if progress_of(existing, runs).state is SessionStatus.FAILED:
        with suppress(WrongState, LeaseLost):  # somebody else had it tried again
            await review.retry(actor, existing.id, languages=languages, records=records)
    return Receipt(existing.id, new=False)


async def throw_away(upload: Upload, *, records: Records, recordings: Recordings) -> None:
    """Remove what is left of an upload, but for a recording that a session has. Idempotent."""
    practice_id = upload.practice_id
    await recordings.discard(practice_id, upload.id)
    if upload.recording_key and not await _used_by_session(upload, records=records):
        await recordings.delete(practice_id, upload.recording_key)
    await Change(records.uploads.remove(upload)).commit(records.store)


async def _used_by_session(upload: Upload, *, records: Records) -> bool:
    if not upload.session_id:
        return False
    try:
        session = await records.sessions.load(upload.practice_id, upload.session_id)
    except NotFound:
        return False
    return session.recording.key == upload.recording_key
