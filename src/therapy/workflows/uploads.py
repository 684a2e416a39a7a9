"""Uploads: a recording is staged while it arrives, and becomes a session once it is complete.

Whatever goes wrong before that leaves nothing behind; the sweep removes what a killed process leaves.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import (
    Forbidden,
    InvalidInput,
    TherapyError,
    TooLarge,
    UnsupportedAudio,
)
from therapy.domain.media import SNIFF_BYTES, sniff
from therapy.domain.session import (
    Details,
    Recording,
)
from therapy.domain.upload import BLOCK_SIZE, NOTED_EVERY, Upload, block_hash, content_hash
from therapy.ports.audio import LONGEST_MS, AudioDecoder, ReadRange
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.abandoned_uploads import throw_away
from therapy.workflows.continued_sessions import continue_session, length_left
from therapy.workflows.login_check import require_login
from therapy.workflows.new_sessions import Receipt, Spoken, become_session
from therapy.workflows.upload_limits import UploadLimits
from therapy.workflows.waiting_list import WaitingList

GZIP = b"\x1f\x8b\x08"
"""How a gzip file begins."""


@dataclass(frozen=True)
class Intake:
    """What receiving recordings needs: where they are stored, what checks them, and the limits.

    In `waiting_list` they wait to be transcribed; `limits` are for all uploads, `max_bytes` is for one
    recording, and `expiry` how long an upload may stand still. `languages` (BCP 47) are recognised if an
    upload names none, and `people` speak if it does not say how many (0 = not known). A recording may last
    `longest_ms`.
    """

    records: Records
    recordings: Recordings
    audio: AudioDecoder
    waiting_list: WaitingList
    limits: UploadLimits
    max_bytes: int = 2 * 1024**3
    expiry: timedelta = timedelta(hours=1)
    languages: tuple[str, ...] = ("he-IL", "en-US")
    people: int = 0
    longest_ms: int = LONGEST_MS


@asynccontextmanager
async def receiving(actor: Actor, length: int = 0, *, intake: Intake) -> AsyncIterator["Receiving"]:
    """Open an upload for a therapist; leaving the body without `finish` discards everything.

    `length` is how many bytes are announced (0 = not known).

    Raises:
        Forbidden: the actor is not a therapist.
        TooMuchAtOnce: too many of their sessions wait to be transcribed, or too many of their uploads are
            open, or they have sent too much today.
        Unavailable: too many uploads are open in this process, or too many sessions wait.
    """
    require(actor, Action.RECORD)
    await intake.waiting_list.admit(actor.practice_id, actor.person_id)
    records, now = intake.records, intake.records.now()
    upload = Upload(records.new_id(), actor.practice_id, actor.person_id, now, now + intake.expiry)
    incoming = Receiving(upload, intake)
    with intake.limits.counted():
        await incoming.note()
        try:
            await incoming.admit(length)
            yield incoming
        finally:
            await asyncio.shield(_ended(incoming, intake=intake))


async def _ended(incoming: "Receiving", *, intake: Intake) -> None:
    """Count an upload's bytes and remove what is left of it; what can't be removed now the sweep removes."""
    with suppress(TherapyError):
        await incoming.count()
    with suppress(TherapyError):
        await throw_away(incoming.upload, records=intake.records, recordings=intake.recordings)


class Receiving:
    """An upload in progress: at most one block (4 MiB) of it is in memory."""

    def __init__(self, upload: Upload, intake: Intake) -> None:
        self.upload = upload
        self.media_type = ""
        self._intake = intake
        self._block = bytearray()
        self._hashes: list[bytes] = []
        self._not_counted = 0
        self._left_today = 0

    async def admit(self, length: int) -> None:
        """Do nothing if the limits allow this upload, of which so many bytes are announced.

        Raises:
            TooMuchAtOnce: too many are open, or the therapist has sent too much today.
        """
        await self._intake.limits.admit(self.upload)
        await self.count()
        self._check_day(max(1, length))

    async def count(self) -> None:
        """Count the bytes that have arrived since the last time."""
        size, self._not_counted = self._not_counted, 0
        self._left_today = await self._intake.limits.received(self.upload, size)

    def _check_day(self, size: int) -> None:
        if size > self._left_today:
            raise self._intake.limits.too_many_bytes()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of the recording.

        Raises:
            TooLarge: the recording is larger than this installation accepts.
            UnsupportedAudio: the first bytes are not audio that can be read.
            StorageFull: there is no room.
            TooMuchAtOnce: the therapist has sent too much today.
        """
        self._not_counted += len(chunk)
        self._check_day(self._not_counted)
        limit = self._intake.max_bytes
        if self.upload.offset + len(self._block) + len(chunk) > limit:
            raise TooLarge(limit=limit)
        self._block += chunk
        if not self.media_type and len(self._block) >= SNIFF_BYTES:
            self.media_type = _media_type(bytes(self._block[:SNIFF_BYTES]))
        while len(self._block) >= BLOCK_SIZE:
            block = bytes(memoryview(self._block)[:BLOCK_SIZE])
            del self._block[:BLOCK_SIZE]
            await self._stage(block)
        await self._note_arrival()

    async def _stage(self, block: bytes) -> None:
        intake, upload = self._intake, self.upload
        number = len(self._hashes)
        await intake.recordings.stage(upload.practice_id, upload.id, number, block)
        self._hashes.append(await asyncio.to_thread(block_hash, block))
        self.upload = replace(upload, offset=upload.offset + len(block))

    async def _note_arrival(self) -> None:
        """Note now and then that bytes arrive, so that the upload counts as open and does not expire."""
        now = self._intake.records.now()
        noted_at = self.upload.noted_at or now
        if abs(now - noted_at) >= NOTED_EVERY:  # the clock may be set back, too
            await self.note(expires_at=now + self._intake.expiry)
            await self.count()

    async def note(self, **changes: object) -> None:
        """Write these changes to the upload's record, and how far it is."""
        records = self._intake.records
        noted = replace(self.upload, noted_at=records.now(), **changes)
        await Change(records.uploads.write(noted)).commit(records.store)
        self.upload = replace(noted, version=noted.version + 1)

    async def end(self) -> None:
        """Stage the rest: no more bytes will come.

        Raises:
            InvalidInput: there were no bytes at all.
            UnsupportedAudio: as `write`.
        """
        if not self._block and not self._hashes:
            raise InvalidInput("audio_file", "empty_file")
        if not self.media_type:
            self.media_type = _media_type(bytes(self._block[:SNIFF_BYTES]))
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
        people: int = 0,
        continues: str = "",
    ) -> Receipt:
        """Make the received recording a session, or a part of the one it `continues`; return which one.

        `therapist` is the id of the therapist in the metadata ("" = none), `languages` are what to
        recognise and `people` is how many speak (none, 0 = as this installation is set). If the same
        therapist sends the same recording again, it stays the same session; if that has failed, it is
        retried.

        Raises:
            Forbidden: the metadata names another therapist.
            NotSignedIn: the login has ended while the recording arrived; it is discarded.
            NotFound, WrongState, InvalidInput: see `continue_session`.
            UnsupportedAudio: the container has no audio.
            TooLarge: by its headers the recording lasts longer than it may.
            Unavailable: too many recordings wait for their checks.
            AlreadyExists: the recording is a session with other details; says which one.
        """
        intake, practice_id = self._intake, actor.practice_id
        person = await intake.records.people.load(practice_id, actor.person_id)
        if therapist and therapist not in {person.id, person.public_id}:
            raise Forbidden("other_therapist")
        key = self.upload.id
        await self.note(recording_key=key)
        size = await intake.recordings.keep(practice_id, key, len(self._hashes), key)
        read = partial(intake.recordings.read, practice_id, key)
        recording = Recording(key, size, content_hash(self._hashes), self.media_type, file_name)
        await self._check(actor, read, recording, continues)
        await require_login(actor, records=intake.records)  # an hour may have passed
        if continues:
            new = await continue_session(
                actor,
                continues,
                recording,
                details,
                note=self.note,
                records=intake.records,
                waiting_list=intake.waiting_list,
            )
            return Receipt(continues, new=new)
        spoken = Spoken(languages, people)
        usual = Spoken(intake.languages, intake.people)
        return await become_session(
            actor,
            person,
            details,
            recording,
            spoken,
            usual=usual,
            note=self.note,
            records=intake.records,
            waiting_list=intake.waiting_list,
        )

    async def _check(
        self, actor: Actor, read: ReadRange, recording: Recording, continues: str
    ) -> None:
        """Let the decoder check the recording; its length together with that of the session it continues."""
        intake = self._intake
        left = whole = intake.longest_ms
        if continues:
            left = await length_left(
                actor, continues, recording.content_hash, whole, records=intake.records
            )
        try:
            await intake.audio.check(actor.practice_id, read, recording.size, longest_ms=left)
        except TooLarge as exc:
            raise TooLarge(exc.code, **exc.details | {"longest": whole // 1000}) from None


def _media_type(first: bytes) -> str:
    """Return the media type of a recording that begins with these bytes.

    Raises:
        UnsupportedAudio: it is none, or one that is compressed with gzip.
    """
    if first.startswith(GZIP):
        raise UnsupportedAudio("compressed_audio")
    return sniff(first)
