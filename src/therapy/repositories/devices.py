"""Devices: where a person's pushes go. A push token belongs to one person at a time, across all practices.

The token's own item is the truth. The person's partition has pointers to such items; a pointer is written
first and may be stale, so whoever reads it must look at the token's item.
"""

from datetime import datetime

from msgspec import Struct

from therapy.domain.errors import Stale
from therapy.domain.partition_keys import digest, key
from therapy.domain.people import Device
from therapy.ports.store import Store
from therapy.repositories.change import Pending
from therapy.repositories.logins import access_partition
from therapy.repositories.repository import Repository

DEVICE = "device"

MOST_DEVICES = 20
"""Devices of a person at once, unless an installation is set otherwise."""


class DevicePointer(Struct, frozen=True, omit_defaults=True):
    """A device that a person registered; `token_digest` says which, and `sid` under which login.

    Those of a program of before have no `sid` and never expire: their device says it.
    """

    practice_id: str
    person_id: str
    token_digest: str
    at: datetime
    sid: str = ""
    expires_at: datetime | None = None
    version: int = 0


class DevicePointers(Repository[DevicePointer]):
    """Stores a person's pointers to devices."""

    kind = "device-pointer"
    struct = DevicePointer

    def expires_at(self, record: DevicePointer) -> datetime | None:
        return record.expires_at

    async def of_person(self, practice_id: str, person_id: str) -> tuple[DevicePointer, ...]:
        """Return a person's pointers, stale ones included, in order of their digests."""
        return await self.list_all(access_partition(practice_id, person_id), "device-")

    def write(self, pointer: DevicePointer) -> Pending:
        """Write a pointer, new or again."""
        partition = access_partition(pointer.practice_id, pointer.person_id)
        return self.put(partition, f"device-{pointer.token_digest}", pointer)

    def remove(self, pointer: DevicePointer) -> Pending:
        """Delete a pointer unless it has changed since it was read; Stale: it was registered again."""
        partition = access_partition(pointer.practice_id, pointer.person_id)
        stale = Stale(kind=self.kind)
        return self.delete(partition, f"device-{pointer.token_digest}", pointer.version, stale)

    def forget(self, pointer: DevicePointer) -> Pending:
        """Delete a pointer, even if it has changed since it was read. Idempotent."""
        partition = access_partition(pointer.practice_id, pointer.person_id)
        return self.delete(partition, f"device-{pointer.token_digest}")


class Devices(Repository[Device]):
    """Stores devices by push token; `most` is how many a person has at once."""

    kind = DEVICE
    struct = Device

    def __init__(self, store: Store, most: int = MOST_DEVICES) -> None:
        super().__init__(store)
        self.pointers = DevicePointers(store)
        self.most = most

    def expires_at(self, record: Device) -> datetime | None:
        return record.expires_at

    async def at(self, pointer: DevicePointer) -> Device | None:
        """Return the device that a pointer leads to; None if it is gone, or somebody else's by now."""
        device = await self.get(_partition(pointer.token_digest), DEVICE)
        owner = pointer.practice_id, pointer.person_id
        return device if device and (device.practice_id, device.person_id) == owner else None

    async def load(self, token: str) -> Device | None:
        """Return the device with this push token, whoever it belongs to; None if there is none."""
        return await self.get(_partition(digest(token)), DEVICE)

    def write(self, device: Device) -> Pending:
        """Write a device, whoever had its push token before. Write its pointer first."""
        return self.put(_partition(digest(device.token)), DEVICE, device)

    def remove(self, device: Device) -> Pending:
        """Delete a device unless it has changed since it was read; Stale: it may be someone else's now."""
        partition = _partition(digest(device.token))
        return self.delete(partition, DEVICE, device.version, Stale(kind=DEVICE))


def _partition(token_digest: str) -> str:
    return key(DEVICE, token_digest)
