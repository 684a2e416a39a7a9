"""Devices: registering and removing the devices that a person's pushes go to.

A device is a person's as long as the login lives under which it was registered, however that ends: nobody has
to remove it. Whoever reads a person's devices removes those that are left of ended logins.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

from therapy.domain.access import Actor
from therapy.domain.errors import Forbidden, NotFound, NotSignedIn, Stale
from therapy.domain.partition_keys import digest
from therapy.domain.people import Device, Login
from therapy.ports.store import MOST_WRITES
from therapy.repositories.access import Access
from therapy.repositories.change import Change
from therapy.repositories.devices import DevicePointer
from therapy.repositories.records import Records
from therapy.workflows.login_check import require_login
from therapy.workflows.profiles import profile
from therapy.workflows.retry_stale import retry_stale

POINTER_SETTLES = timedelta(seconds=60)
"""A younger pointer without a device is not stale yet: its writer may be about to write the device."""


async def register_device(
    actor: Actor, token: str, *, platform: str, user_id: str, records: Records
) -> None:
    """Register a device for the actor's pushes, for as long as this login lasts.

    If the person has too many then, those that were registered the longest ago are removed.

    Raises:
        Forbidden: `user_id` is not the actor.
        NotSignedIn: the login has ended.
    """
    await _require_caller(actor, user_id, records=records)

    async def attempt() -> Login:
        # Repeated if the login is refreshed at this moment.
        return await _point_to(actor, token, records=records)

    login, now = await retry_stale(attempt), records.now()
    device = Device(
        token, actor.practice_id, actor.person_id, actor.sid, platform, now, login.expires_at
    )
    await Change(records.devices.write(device)).commit(records.store)
    try:
        await require_login(actor, records=records)
    except NotSignedIn:  # it ended since: nothing points to the device any more
        written = await records.devices.load(token)
        if written is not None and written.sid == actor.sid:
            await forget_device(written, records=records)
        raise


async def _point_to(actor: Actor, token: str, *, records: Records) -> Login:
    """Write the pointer to a device and return its login; both in one commit, if the login is alive."""
    access, now = await records.access.load(actor.practice_id, actor.person_id), records.now()
    login = access.living(now).get(actor.sid)
    if login is None:
        raise NotSignedIn
    pointer = DevicePointer(
        *(actor.practice_id, actor.person_id, digest(token), now, actor.sid, login.expires_at)
    )
    others = [each for each in access.pointers if each.token_digest != pointer.token_digest]
    others.sort(key=lambda each: each.at)
    pointers, kept = records.devices.pointers, records.devices.most - 1
    too_many = others[: max(0, len(others) - kept)][: MOST_WRITES - 2]
    change = Change(records.logins.unchanged(login), pointers.write(pointer))
    await change.add(*(pointers.forget(each) for each in too_many)).commit(records.store)
    for each in too_many:
        await _forget_device_at(each, records=records)
    return login


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
    """Return a person's devices, oldest registration first; what is left of others is removed."""
    access = await records.access.load(practice_id, person_id)
    return await devices_under(access, records=records)


async def devices_under(access: Access, *, records: Records) -> tuple[Device, ...]:
    """Return the devices of a person whose access was just read, as `devices_of`."""
    now = records.now()
    found = await asyncio.gather(*(records.devices.at(each) for each in access.pointers))
    living, pairs = access.living(now), list(zip(access.pointers, found, strict=True))
    registered = [
        device
        for pointer, device in pairs
        if device is not None and {pointer.sid or device.sid, device.sid} <= living.keys()
    ]
    registered.sort(key=lambda each: (each.registered_at, each.token))
    kept = registered[max(0, len(registered) - records.devices.most) :]
    tokens = {digest(each.token) for each in kept}
    for pointer, device in pairs:
        if pointer.token_digest not in tokens:
            await _clean_up(pointer, device, access, records=records)
    return tuple(kept)


async def _clean_up(
    pointer: DevicePointer, device: Device | None, access: Access, *, records: Records
) -> None:
    """Remove a device that is too many, or whose login has ended, and a pointer that leads nowhere.

    Those of a login that only a newer program can read are left to that program.
    """
    now, sid = records.now(), pointer.sid or (device.sid if device else "")
    if access.is_unknown(sid):
        return
    may_be_written = not pointer.sid or pointer.sid in access.living(now)
    if may_be_written and now - pointer.at < POINTER_SETTLES:
        return
    with suppress(Stale):  # the device was registered again at this moment
        await Change(records.devices.pointers.remove(pointer)).commit(records.store)
        if device is not None:
            await forget_device(device, records=records)


async def _forget_device_at(pointer: DevicePointer, *, records: Records) -> None:
    device = await records.devices.at(pointer)
    if device is not None:
        await forget_device(device, records=records)


async def forget_device(device: Device, *, records: Records) -> None:
    """Remove a device, unless it was registered again meanwhile, by anyone. Idempotent."""
    with suppress(Stale):
        await Change(records.devices.remove(device)).commit(records.store)


async def _require_caller(actor: Actor, user_id: str, *, records: Records) -> None:
    """Raise Forbidden unless this is an id of the actor; only a patient has another than their account's."""
    if user_id != actor.person_id:
        person = await profile(actor, records=records)
        if user_id != person.public_id:
            raise Forbidden("not_caller")
