"""Upload limits: how many uploads may be open, and how many bytes a therapist may send on a day.

A therapist's open uploads are counted in the store, over all processes: each is noted before the count, and
the earliest may go on, so that no race lets more in. Those of a process that died count until nothing was
noted of them for some minutes. All uploads together are counted in each process, whose memory they take.
"""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, time, timedelta

from msgspec.structs import replace

from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.domain.errors import TooMuchAtOnce
from therapy.domain.person_limits import DEFAULT_LIMITS, PersonLimits
from therapy.domain.upload import ReceivedBytes, Upload
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.retry_stale import retry_stale

RETRY_AFTER = 30
"""Seconds in which an upload is likely to end."""


class UploadLimits:
    """The limits for the uploads of a process."""

    def __init__(self, records: Records, limits: PersonLimits = DEFAULT_LIMITS) -> None:
        self._records = records
        self._limits = limits
        self._open = ConcurrencyLimit(
            limits.uploads_in_all, "uploads_busy", retry_after=RETRY_AFTER
        )

    @property
    def unfinished(self) -> int:
        """How many resumable uploads a therapist may have begun and not finished."""
        return self._limits.unfinished_uploads

    def counted(self) -> AbstractContextManager[None]:
        """Count an upload of this process while the body runs.

        Raises:
            Unavailable: too many are open.
        """
        return self._open.counted()

    async def admit(self, upload: Upload) -> None:
        """Do nothing if an upload that was just noted may go on.

        Raises:
            TooMuchAtOnce: its therapist has too many open that began earlier.
        """
        now = self._records.now()
        earlier = [
            each
            async for each in self._records.uploads.of_practice(upload.practice_id)
            if each.therapist_id == upload.therapist_id
            and each.is_open(now)
            and (each.created_at, each.id) < (upload.created_at, upload.id)
        ]
        if len(earlier) >= self._limits.uploads:
            raise TooMuchAtOnce("too_many_uploads", retry_after=RETRY_AFTER)

    async def received(
        self, upload: Upload, size: int, before: ReceivedBytes | None = None
    ) -> ReceivedBytes:
        """Count bytes that have arrived; return what the therapist has sent today.

        `before` is what was returned last, so that it need not be read if nothing else has come meanwhile.
        """
        records, day = self._records, self._records.now().astimezone(UTC).date()
        stored = before if before is not None and before.day == day else None

        async def attempt() -> ReceivedBytes:
            nonlocal stored
            practice_id, therapist_id = upload.practice_id, upload.therapist_id
            known, stored = stored, None
            if known is None:
                known = await records.received_bytes.load(practice_id, therapist_id, day)
            if not size:
                return known
            more = replace(known, size=known.size + size)
            await Change(records.received_bytes.write(more)).commit(records.store)
            return replace(more, version=more.version + 1)

        return await retry_stale(attempt)

    def left_today(self, received: ReceivedBytes) -> int:
        """Return how many more bytes a therapist may send who has sent so many."""
        return self._limits.bytes_a_day - received.size

    def too_many_bytes(self) -> TooMuchAtOnce:
        """Return the error for a therapist who has sent enough for today."""
        now = self._records.now().astimezone(UTC)
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        seconds = max(1, int((midnight - now).total_seconds()))
        return TooMuchAtOnce("daily_bytes", limit=self._limits.bytes_a_day, retry_after=seconds)
