"""Devices: registering and removing the devices that a person's pushes go to."""

from contextlib import suppress
from datetime import timedelta

from therapy.domain.access import Actor
from therapy.domain.errors import Forbidden, NotFound, Stale
from therapy.domain.partition_keys import digest
from therapy.domain.people import Device
from therapy.repositories.change import Change
from therapy.repositories.devices import DevicePointer
from therapy.repositories.records import Records
from therapy.workflows.profiles import profile

POINTER_SETTLES = timedelta(seconds=60)
"""A younger pointer without a device is not stale yet: its writer may be about to write the device."""


async def register_device(
    actor: Actor, token: str, *, platform: str, user_id: str, records: Records
) -> None:
    """Register a device for the actor's pushes, for as long as this login lasts.

    Raises:
        Forbidden: `user_id` is not the actor.
    """
    await _require_caller(actor, user_id, records=records)
    now = records.now()
    pointer = DevicePointer(actor.practice_id, actor.person_id, digest(token), now)
    device = Device(token, actor.practice_id, actor.person_id, actor.sid, platform, now)
    await Change(records.devices.pointers.write(pointer)).commit(records.store)
    await Change(records.devices.write(device)).commit(records.store)


async def unregister_devices(actor: Actor, user_id: str, *, records: Records) -> None:
    """Remove the devices of this login, or all of the actor's if this login has none.

    Raises:
        Forbidden: `user_id` is not the actor.
        NotFound: nothing is registered.
    """
    await _require_caller(actor, user_id, records=records)
    registered = await devices_of(actor.practice_id, actor.person_id, records=records)
    if not registered:
        raise NotFound("not_registered")
    for device in [each for each in registered if each.sid == actor.sid] or registered:
        await forget_device(device, records=records)


async def devices_of(practice_id: str, person_id: str, *, records: Records) -> tuple[Device, ...]:
    """Return a person's devices, oldest registration first; stale pointers are deleted."""
    registered, stale = await records.devices.of_person(practice_id, person_id)
    for pointer in stale:
        if records.now() - pointer.at >= POINTER_SETTLES:
            with suppress(Stale):  # the device was registered again at this moment
                await Change(records.devices.pointers.remove(pointer)).commit(records.store)
    return registered


async def forget_device(device: Device, *, records: Records) -> None:
    """Remove a device, unless it was registered again meanwhile, by anyone. Idempotent."""
    with suppress(Stale):
        await Change(records.devices.remove(device)).commit(records.store)


async def _require_caller(actor: Actor, user_id: str, *, records: Records) -> None:
    person = await profile(actor, records=records)
    if user_id not in {person.id, person.public_id}:
        raise Forbidden("not_caller")
