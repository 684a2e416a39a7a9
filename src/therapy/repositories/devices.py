"""Devices: where a person's pushes go. A push token belongs to one person at a time, across all practices.

The token's own item is the truth. The person's partition has pointers to such items; a pointer is written
first and may be stale, so whoever reads it must look at the token's item.
"""

import asyncio
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


class DevicePointer(Struct, frozen=True, omit_defaults=True):
    """A device that a person registered; `token_digest` says which."""

    practice_id: str
    person_id: str
    token_digest: str
    at: datetime
    version: int = 0


class DevicePointers(Repository[DevicePointer]):
    """Stores a person's pointers to devices."""

    kind = "device-pointer"
    struct = DevicePointer

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


class Devices(Repository[Device]):
    """Stores devices by push token."""

    kind = DEVICE
    struct = Device

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.pointers = DevicePointers(store)

    async def of_person(
        self, practice_id: str, person_id: str
    ) -> tuple[tuple[Device, ...], tuple[DevicePointer, ...]]:
        """Return a person's devices, oldest registration first, and the pointers that are stale."""
        pointers = await self.pointers.of_person(practice_id, person_id)
        found = await asyncio.gather(*(self._owned(each) for each in pointers))
        devices = [device for device in found if device is not None]
        devices.sort(key=lambda each: (each.registered_at, each.token))
        stale = tuple(
            pointer for pointer, device in zip(pointers, found, strict=True) if device is None
        )
        return tuple(devices), stale

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

    async def _owned(self, pointer: DevicePointer) -> Device | None:
        device = await self.get(_partition(pointer.token_digest), DEVICE)
        owner = pointer.practice_id, pointer.person_id
        return device if device and (device.practice_id, device.person_id) == owner else None


def _partition(token_digest: str) -> str:
    return key(DEVICE, token_digest)
