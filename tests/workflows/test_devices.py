"""Devices: one person's at a time, under a login; a death between two writes does no harm."""

from collections.abc import Sequence

import pytest

from tests.builders import NOW, PATIENT, PRACTICE, THERAPIST, a_person, a_therapist, an_actor
from tests.logins import has_login
from tests.workflows.interrupted_ports import InterruptedStore, nothing
from tests.workflows.memory_installation import some_records
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.access import Actor
from therapy.domain.errors import Forbidden, NotFound
from therapy.domain.partition_keys import digest
from therapy.domain.people import Role
from therapy.ports.store import Write
from therapy.repositories.change import Change
from therapy.repositories.devices import DevicePointer
from therapy.repositories.logins import access_partition
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows import devices
from therapy.workflows.accounts import add_person

OLIVIA = an_actor()
JORDAN = an_actor(person_id=PATIENT, role=Role.PATIENT, sid="login-2")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
async def records(clock: Clock) -> Records:
    store = InterruptedStore(MemoryStore(clock))
    made = some_records(clock, store)
    await add_person(a_therapist(), records=made)
    await add_person(a_person(), records=made)
    for person in (THERAPIST, PATIENT):
        await has_login(PRACTICE, person, "login-1", "login-2", "login-3", records=made)
    return made


async def register(actor: Actor, token: str, records: Records, user_id: str = "") -> None:
    whose = user_id or actor.person_id
    await devices.register_device(actor, token, platform="android", user_id=whose, records=records)


async def tokens_of(actor: Actor, records: Records) -> list[str]:
    found = await devices.devices_of(PRACTICE, actor.person_id, records=records)
    return [each.token for each in found]


async def pointers_of(actor: Actor, records: Records) -> int:
    partition = access_partition(PRACTICE, actor.person_id)
    return len(await records.store.list(partition, "device-"))


async def test_a_persons_devices_are_told_oldest_registration_first(records, clock):
    for token in ("z", "a", "m"):
        await register(OLIVIA, token, records)
        clock.advance(seconds=1)
    assert await tokens_of(OLIVIA, records) == ["z", "a", "m"]
    await register(OLIVIA, "z", records)
    assert await tokens_of(OLIVIA, records) == ["a", "m", "z"]


async def test_a_patient_may_say_their_number_in_place_of_their_id(records):
    await register(JORDAN, "token", records, user_id=a_person().number)
    assert await tokens_of(JORDAN, records) == ["token"]


async def test_nobody_registers_for_somebody_else(records):
    with pytest.raises(Forbidden, match="not_caller"):
        await register(JORDAN, "token", records, user_id=THERAPIST)
    with pytest.raises(Forbidden, match="not_caller"):
        await devices.unregister_devices(JORDAN, THERAPIST, records=records)


async def test_a_device_belongs_to_whoever_registered_it_last(records, clock):
    await register(OLIVIA, "shared", records)
    clock.advance(seconds=1)
    await register(JORDAN, "shared", records)
    assert await tokens_of(OLIVIA, records) == []
    assert await tokens_of(JORDAN, records) == ["shared"]


async def test_signing_out_removes_the_devices_of_that_login_only(records):
    await register(OLIVIA, "phone", records)
    await register(an_actor(sid="login-3"), "tablet", records)
    await devices.unregister_devices(OLIVIA, THERAPIST, records=records)
    assert await tokens_of(OLIVIA, records) == ["tablet"]


async def test_a_login_without_a_device_removes_all_of_the_persons(records):
    await register(OLIVIA, "phone", records)
    await devices.unregister_devices(an_actor(sid="login-3"), THERAPIST, records=records)
    assert await tokens_of(OLIVIA, records) == []
    with pytest.raises(NotFound, match="not_registered"):
        await devices.unregister_devices(OLIVIA, THERAPIST, records=records)


async def test_a_device_that_moves_while_it_is_removed_stays_with_its_new_owner(records):
    await register(OLIVIA, "shared", records)

    async def moved_first(_: str, writes: Sequence[Write]) -> None:
        records.store.before_commit = nothing
        await register(JORDAN, "shared", records)

    records.store.before_commit = moved_first
    await devices.unregister_devices(OLIVIA, THERAPIST, records=records)
    assert await tokens_of(JORDAN, records) == ["shared"]


async def half_registered(records: Records, token: str, clock: Clock) -> None:
    """Write what a process has written that dies between the pointer and the device."""
    pointer = DevicePointer(PRACTICE, THERAPIST, digest(token), clock.now)
    await Change(records.devices.pointers.write(pointer)).commit(records.store)


async def test_a_registration_that_died_half_way_counts_as_none_and_can_be_done_again(
    records, clock
):
    await half_registered(records, "phone", clock)
    assert await tokens_of(OLIVIA, records) == []
    await register(OLIVIA, "phone", records)
    assert await tokens_of(OLIVIA, records) == ["phone"]


async def test_a_pointer_to_no_device_is_removed_once_nobody_can_be_about_to_write_it(
    records, clock
):
    await half_registered(records, "phone", clock)
    assert await tokens_of(OLIVIA, records) == []
    assert await pointers_of(OLIVIA, records) == 1
    clock.advance(seconds=61)
    assert await tokens_of(OLIVIA, records) == []
    assert await pointers_of(OLIVIA, records) == 0


async def test_a_pointer_that_is_written_anew_while_it_is_removed_stays(records, clock):
    await half_registered(records, "phone", clock)
    clock.advance(seconds=61)

    async def registered_first(_: str, writes: Sequence[Write]) -> None:
        records.store.before_commit = nothing
        await register(OLIVIA, "phone", records)

    records.store.before_commit = registered_first
    assert await tokens_of(OLIVIA, records) == []
    assert await tokens_of(OLIVIA, records) == ["phone"]


async def test_a_device_that_somebody_forgets_twice_is_gone(records):
    await register(OLIVIA, "phone", records)
    (device,) = await devices.devices_of(PRACTICE, THERAPIST, records=records)
    await devices.forget_device(device, records=records)
    await devices.forget_device(device, records=records)
    assert await tokens_of(OLIVIA, records) == []


async def test_a_device_that_was_registered_anew_is_not_forgotten(records):
    await register(OLIVIA, "phone", records)
    (before,) = await devices.devices_of(PRACTICE, THERAPIST, records=records)
    await register(OLIVIA, "phone", records)
    await devices.forget_device(before, records=records)
    assert await tokens_of(OLIVIA, records) == ["phone"]
