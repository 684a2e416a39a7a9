"""Appended bytes: what one request adds to a resumable upload, durable block by block.

Each whole block (4 MiB) is noted once it is staged, so that a process that dies loses less than two. When the
request ends, however it ends, what is left of it is staged under a name of its own, where whoever goes on
finds it. Bytes with a checksum are noted only once it is found right.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from therapy.domain.access import Actor
from therapy.domain.errors import (
    InvalidInput,
    NotFound,
    Stale,
    TherapyError,
    UnsupportedAudio,
    UploadExpired,
    WrongState,
)
from therapy.domain.upload import NOTED_EVERY, ReceivedBytes, Upload, tail_name
from therapy.workflows import resumable_uploads
from therapy.workflows.arriving_blocks import ArrivingBlocks
from therapy.workflows.intake import Intake


@asynccontextmanager
async def appending(
    actor: Actor,
    upload_id: str,
    offset: int,
    announced: int = 0,
    length: int | None = None,
    *,
    checked: bool = False,
    intake: Intake,
) -> AsyncIterator["Appending"]:
    """Go on with an upload at `offset`; what has come when the body is left, by an error too, is kept.

    `announced` is how many bytes will come (0 = not known), `length` the upload's, if it is said only now.
    Of what is `checked` nothing is kept unless `Appending.accept` was called.

    Raises:
        Forbidden, NotFound, UploadExpired: as `resumable_uploads.look`, or, with code `upload_lost`, what was
            sent before is gone.
        WrongState: the upload is not at this offset.
        InvalidInput: more would come than is missing, or the upload has another length.
        TooLarge: the upload would be larger than this installation accepts.
        TooMuchAtOnce: too many of the therapist's uploads are being sent, or they have sent too much today.
        Stale: another request goes on with it.
        Unavailable: too many uploads are open in this process.
    """
    upload = await resumable_uploads.look(actor, upload_id, intake=intake)
    if offset != upload.offset:
        raise WrongState("upload_offset", offset=upload.offset)
    length = resumable_uploads.length_of(upload, length, intake=intake)
    if length is not None and offset + announced > length:
        raise InvalidInput("body", "past_upload_length")
    with intake.limits.counted():
        claimed = await resumable_uploads.noted(
            upload,
            claim=upload.claim + 1,
            receiving=not upload.is_complete,
            contested=upload.contested or upload.receiving,
            length=length,
            expires_at=intake.records.now() + intake.resumable_for,
            intake=intake,
        )
        appended = Appending(claimed, intake, checked=checked)
        try:
            await appended.open(announced)
            yield appended
        except Stale:  # another request goes on with it
            raise
        except BaseException:
            with suppress(TherapyError):
                await asyncio.shield(appended.close())
            raise
        await asyncio.shield(appended.close())


class Appending:
    """Bytes that are being added to an upload: at most one block (4 MiB) of them is in memory."""

    def __init__(self, upload: Upload, intake: Intake, *, checked: bool) -> None:
        self.upload = upload
        self._intake = intake
        self._blocks = ArrivingBlocks(upload, intake)
        self._is_open = False
        self._is_accepted = not checked
        self._begun_with = upload.tail
        self._received: ReceivedBytes | None = None
        self._not_counted = self._left_today = 0

    async def open(self, announced: int) -> None:
        """Read what is there of the incomplete block.

        Raises:
            TooMuchAtOnce, UploadExpired: see `appending`.
        """
        intake, upload = self._intake, self.upload
        if not upload.is_complete:
            await intake.limits.admit(upload)
            await self._count()
            self._check_day(max(1, announced))
        if upload.tail:
            self._blocks = ArrivingBlocks(upload, intake, await self._begun())
        self._is_open = True

    async def _begun(self) -> bytes:
        """Return what is there of the incomplete block; remove an upload of which that is lost."""
        upload, intake = self.upload, self._intake
        try:
            return await intake.recordings.staged(upload.practice_id, upload.tail, 0)
        except NotFound:  # e.g. only the records were restored
            await resumable_uploads.removed(upload, intake=intake)
            raise UploadExpired("upload_lost") from None

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            InvalidInput: there are more than are missing.
            TooLarge, UnsupportedAudio, StorageFull: as `ArrivingBlocks.add`.
            TooMuchAtOnce: the therapist has sent too much today.
            Stale: another request goes on with the upload.
        """
        blocks, length = self._blocks, self.upload.length
        if length is not None and blocks.size + len(chunk) > length:
            raise InvalidInput("body", "past_upload_length")
        self._not_counted += len(chunk)
        self._check_day(self._not_counted)
        try:
            await blocks.add(chunk)
        except UnsupportedAudio:
            self._is_accepted = False  # nothing of it is worth to be kept
            raise
        await self._note_arrival()

    def accept(self) -> None:
        """Keep what has come: its checksum is right."""
        self._is_accepted = True

    async def _note_arrival(self) -> None:
        """Note each block that is staged, and now and then that bytes arrive."""
        blocks, now = self._blocks, self._intake.records.now()
        if self._is_accepted and blocks.staged > self.upload.offset:
            await self._note(offset=blocks.staged, tail="", receiving=True)
        elif (
            abs(now - (self.upload.noted_at or now)) >= NOTED_EVERY
        ):  # the clock may be set back, too
            self.upload = await resumable_uploads.noted(
                self.upload, expires_at=now + self._intake.resumable_for, intake=self._intake
            )
            await self._count()

    async def close(self) -> None:
        """Stage what is left, note how far the upload is, and remove what is no longer needed.

        Raises:
            UnsupportedAudio: the recording is complete, and not audio that can be read.
            TherapyError: it can't be staged, or another request goes on with the upload.
        """
        try:
            if self._has_more():
                await self._keep_rest()
        finally:
            await self._count()
            if self.upload.receiving:
                self.upload = await resumable_uploads.noted(
                    self.upload, receiving=False, intake=self._intake
                )

    def _has_more(self) -> bool:
        """Return whether there is more to be kept than is noted, or the last block is not staged as such."""
        blocks, upload = self._blocks, self.upload
        if not (self._is_open and self._is_accepted):
            return False
        is_last = blocks.size == upload.length and bool(blocks.rest)
        return blocks.size > upload.offset or is_last

    async def _keep_rest(self) -> None:
        blocks, tail = self._blocks, ""
        await blocks.stage_whole()
        if blocks.size == self.upload.length:
            await blocks.end()
        elif blocks.rest:
            tail = tail_name(self.upload)
            recordings = self._intake.recordings
            await recordings.stage(self.upload.practice_id, tail, 0, bytes(blocks.rest))
        try:
            await self._note(offset=blocks.size, tail=tail, receiving=False)
        except Stale:  # somebody else goes on, who does not know of this tail
            if tail:
                await self._intake.recordings.discard(self.upload.practice_id, tail)
            raise

    async def _note(self, *, offset: int, tail: str, receiving: bool) -> None:
        """Write how far the upload is; then the incomplete block of before is of no use any more."""
        blocks, intake = self._blocks, self._intake
        try:
            self.upload = await resumable_uploads.noted(
                self.upload,
                offset=offset,
                tail=tail,
                receiving=receiving,
                hashes=b"".join(blocks.hashes),
                media_type=blocks.media_type,
                expires_at=intake.records.now() + intake.resumable_for,
                intake=intake,
            )
        except Stale:
            await self._discard_if_removed()
            raise
        await self._count()
        before, self._begun_with = self._begun_with, ""
        if before and before != tail:
            with suppress(TherapyError):
                await intake.recordings.discard(self.upload.practice_id, before)

    async def _discard_if_removed(self) -> None:
        """Discard what was staged of an upload that its therapist has removed meanwhile."""
        upload, intake = self.upload, self._intake
        try:
            await intake.records.uploads.load(upload.practice_id, upload.id)
        except NotFound:
            await intake.recordings.discard(upload.practice_id, upload.id)

    async def _count(self) -> None:
        size, self._not_counted = self._not_counted, 0
        limits = self._intake.limits
        self._received = await limits.received(self.upload, size, self._received)
        self._left_today = limits.left_today(self._received)

    def _check_day(self, size: int) -> None:
        if size > self._left_today:
            raise self._intake.limits.too_many_bytes()
