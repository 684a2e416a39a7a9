"""Received bytes: how much each therapist has sent on each day, beside the practice's uploads."""

from datetime import UTC, date, datetime, time, timedelta

from therapy.domain.partition_keys import key, part
from therapy.domain.upload import ReceivedBytes
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

KEPT = timedelta(days=2)
"""How long after its day has begun a count is kept, because clocks differ."""


class ReceivedBytesOfDays(Repository[ReceivedBytes]):
    """Stores a count for each therapist and day, and forgets it soon after the day."""

    kind = "received"
    struct = ReceivedBytes

    def expires_at(self, record: ReceivedBytes) -> datetime:
        return datetime.combine(record.day, time(), UTC) + KEPT

    async def load(self, practice_id: str, therapist_id: str, day: date) -> ReceivedBytes:
        """Return what a therapist has sent on a day; 0 bytes if nothing was noted."""
        stored = await self.stored(practice_id, therapist_id, day)
        return stored or ReceivedBytes(practice_id, therapist_id, day)

    async def stored(self, practice_id: str, therapist_id: str, day: date) -> ReceivedBytes | None:
        """Return what was noted of a therapist's day; None if nothing was."""
        return await self.get(_partition(practice_id), _id(therapist_id, day))

    def write(self, received: ReceivedBytes) -> Pending:
        """Write a count that is new (version 0) or unchanged since it was read; else Stale."""
        item_id = _id(received.therapist_id, received.day)
        partition = _partition(received.practice_id)
        return self.save(partition, item_id, received, received.version)


def _partition(practice_id: str) -> str:
    return key("uploads", practice_id)


def _id(therapist_id: str, day: date) -> str:
    return f"received-{day.isoformat()}-{part(therapist_id)}"
