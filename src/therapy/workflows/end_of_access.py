"""Ending a person's access: every login, reset token and device that they had at a moment."""

from collections.abc import Iterable
from datetime import datetime

from therapy.ports.store import MOST_WRITES
from therapy.repositories.change import Change, Pending
from therapy.repositories.logins import access_partition
from therapy.repositories.records import Records
from therapy.workflows.devices import devices_of, forget_device


async def end_access(practice_id: str, person_id: str, at: datetime, *, records: Records) -> None:
    """End the logins, reset tokens and devices that existed at `at`; later ones stay. Idempotent."""
    partition = access_partition(practice_id, person_id)
    items = [item async for item in records.logins.items(partition, "")]
    ended = [
        *(
            records.logins.end(each)
            for each in records.logins.known(items)
            if each.created_at <= at
        ),
        *(
            records.reset_tokens.remove(each)
            for each in records.reset_tokens.known(items)
            if each.created_at is None or each.created_at <= at
        ),
    ]
    await _commit_all(ended, records=records)
    for device in await devices_of(practice_id, person_id, records=records):
        if device.registered_at <= at:
            await forget_device(device, records=records)


async def _commit_all(pending: Iterable[Pending], *, records: Records) -> None:
    writes = list(pending)
    for start in range(0, len(writes), MOST_WRITES):
        await Change(*writes[start : start + MOST_WRITES]).commit(records.store)
