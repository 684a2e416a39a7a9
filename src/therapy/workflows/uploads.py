"""Uploads in one request: a recording is staged while it arrives, and becomes a session once it is complete.

Whatever goes wrong before that leaves nothing behind; the sweep removes what a killed process leaves.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, TherapyError
from therapy.domain.session import Details
from therapy.domain.upload import NOTED_EVERY, Metadata, ReceivedBytes, Upload
from therapy.repositories.change import Change
from therapy.workflows.abandoned_uploads import throw_away
from therapy.workflows.arriving_blocks import OverlappingBlocks
from therapy.workflows.finished_uploads import Arrived, finish
from therapy.workflows.intake import Intake
from therapy.workflows.new_sessions import Receipt


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
    records, now = intake.records, intake.records.now()
    upload_id = records.new_id()
    upload = Upload(
        upload_id,
        actor.practice_id,
        actor.person_id,
        now,
        now + intake.expiry,
        recording_key=upload_id,
    )
    incoming = Receiving(upload, intake)
    with intake.limits.counted():
        await incoming.note()
        try:
            await incoming.admit(length)
            async with incoming.blocks.broken_off():
                yield incoming
        finally:
            await asyncio.shield(_ended(incoming, intake=intake))


async def _ended(incoming: "Receiving", *, intake: Intake) -> None:
    """Count an upload's bytes and remove what is left of it; what can't be removed now the sweep removes.

    Of a recording that a session has, and of an upload of which nothing arrived, only the record is left.
    """
    await incoming.blocks.stop()  # nothing may be staged behind what is thrown away
    records, upload = intake.records, incoming.upload
    if incoming.is_used or not incoming.blocks.size:
        removal = Change(records.uploads.remove(upload)).commit(records.store)
    else:
        removal = throw_away(upload, records=records, recordings=intake.recordings)
    await asyncio.gather(*map(_tried, (incoming.count(), removal)))


async def _tried(ending: Awaitable[None]) -> None:
    with suppress(TherapyError):
        await ending


class Receiving:
    """An upload in progress: at most three blocks (12 MiB) of it are in memory."""

    def __init__(self, upload: Upload, intake: Intake) -> None:
        self.upload = upload
        self._intake = intake
        self.blocks = OverlappingBlocks(upload, intake)
        self.is_used = False
        """Whether a session has the recording."""
        self._not_counted = 0
        self._received: ReceivedBytes | None = None
        self._left_today = 0

    async def admit(self, length: int) -> None:
        """Do nothing if the limits allow this upload, of which so many bytes are announced.

        Raises:
            TooMuchAtOnce: too many of the therapist's sessions wait, or too many of their uploads are open,
                or they have sent too much today.
            Unavailable: too many sessions wait.
        """
        upload, intake = self.upload, self._intake
        looked_at = await asyncio.gather(
            intake.waiting_list.admit(upload.practice_id, upload.therapist_id),
            intake.limits.admit(upload),
            self.count(),
            return_exceptions=True,
        )
        for refused in looked_at:  # of several the first one is told, whichever came first
            if isinstance(refused, BaseException):
                raise refused
        self._check_day(max(1, length))

    async def count(self) -> None:
        """Count the bytes that have arrived since the last time."""
        size, self._not_counted = self._not_counted, 0
        limits = self._intake.limits
        self._received = await limits.received(self.upload, size, self._received)
        self._left_today = limits.left_today(self._received)

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
        await self.blocks.add(chunk)
        await self._note_arrival()

    async def _note_arrival(self) -> None:
        """Note now and then that bytes arrive, so that the upload counts as open and does not expire."""
        now = self._intake.records.now()
        noted_at = self.upload.noted_at or now
        if abs(now - noted_at) >= NOTED_EVERY:  # the clock may be set back, too
            await self.note(expires_at=now + self._intake.expiry)
            await self.count()

    async def note(self, **changes: object) -> None:
        """Write these changes to the upload's record, and how far it is."""
        records, staged = self._intake.records, self.blocks.staged
        noted = replace(self.upload, offset=staged, noted_at=records.now(), **changes)
        await Change(records.uploads.write(noted)).commit(records.store)
        self.upload = replace(noted, version=noted.version + 1)

    async def end(self) -> None:
        """Begin to stage the rest: no more bytes will come.

        Raises:
            InvalidInput: there were no bytes at all.
            UnsupportedAudio: as `write`.
        """
        if not self.blocks.size:
            raise InvalidInput("audio_file", "empty_file")
        await self.blocks.end()

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
        """Make the received recording a session, see `finished_uploads.finish`; wait until it is staged.

        Raises:
            StorageFull, Unavailable: the last blocks could not be staged.
        """
        person, _ = await asyncio.gather(
            self._intake.records.people.load(actor.practice_id, actor.person_id),
            self.blocks.settle(),
        )
        blocks = self.blocks
        arrived = Arrived(
            self.upload.id,
            tuple(blocks.hashes),
            blocks.media_type,
            file_name,
            head=blocks.head,
            size=blocks.size,
        )
        metadata = Metadata(details, therapist, languages, people, continues)
        receipt = await finish(
            actor, person, arrived, metadata, note=self.note, intake=self._intake
        )
        self.is_used = receipt.new
        return receipt
