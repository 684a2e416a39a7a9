"""What `repositories.devices` and registering a device promise."""

import asyncio

import pytest
import pytest_asyncio

from tests.builders import (
    MINUTE,
    NOW,
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    SECOND,
    a_device,
    a_login,
    a_person,
    an_actor,
)
from tests.logins import has_login
from tests.repositories.changes import NO_UNICODE, ODD_IDS, commit
from therapy.domain.errors import InvalidInput, NotFound, Stale
from therapy.domain.partition_keys import digest
from therapy.domain.people import Device, Person, Role
from therapy.repositories.devices import DevicePointer
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows.devices import (
    POINTER_SETTLES,
    devices_of,
    forget_device,
    register_device,
    unregister_devices,
)

FIRST = a_person()
SECOND_PATIENT = a_person(id="patient-2", email="second@example.health", number="111111111")
ELSEWHERE = a_person(practice_id=OTHER_PRACTICE, email="elsewhere@example.health")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def people(records: Records) -> None:
    """Two patients of the practice, and one elsewhere with the first one's id."""
    for person in (FIRST, SECOND_PATIENT, ELSEWHERE):
        await commit(records, *records.people.new(person))
        sids = ("login-1", "login-2", "login-3", "another") if person is FIRST else ("login-1",)
        await has_login(person.practice_id, person.id, *sids, records=records)


async def register(
    records: Records, token: str = "token-1", *, person: Person = FIRST, sid: str = "login-1"
) -> None:
    actor = an_actor(
        person_id=person.id, practice_id=person.practice_id, role=Role.PATIENT, sid=sid
    )
    await register_device(actor, token, platform="android", user_id=person.id, records=records)


async def unregister(records: Records, *, person: Person = FIRST, sid: str) -> None:
    actor = an_actor(
        person_id=person.id, practice_id=person.practice_id, role=Role.PATIENT, sid=sid
    )
    await unregister_devices(actor, person.id, records=records)


async def of(records: Records, person: Person = FIRST) -> tuple[Device, ...]:
    return await devices_of(person.practice_id, person.id, records=records)


async def tokens(records: Records, person: Person = FIRST) -> list[str]:
    return [device.token for device in await of(records, person)]


async def pointers(records: Records, person: Person = FIRST) -> list[str]:
    found = await records.devices.pointers.of_person(person.practice_id, person.id)
    return [pointer.token_digest for pointer in found]


async def test_a_device_is_given_as_it_was_registered(records: Records) -> None:
    await register(records)
    (device,) = await of(records)
    ends = a_login().expires_at
    assert device == a_device(version=device.version, expires_at=ends)
    assert device.version > 0
    assert await records.devices.load("token-1") == device


async def test_a_person_without_devices_has_none(records: Records) -> None:
    assert await of(records) == ()
    assert await records.devices.load("token-1") is None


async def test_devices_come_oldest_registration_first(records: Records, clock: Clock) -> None:
    for token, at in (("new", NOW + SECOND), ("old", NOW - SECOND), ("middle", NOW)):
        clock.now = at
        await register(records, token)
    assert await tokens(records) == ["old", "middle", "new"]


async def test_registering_a_device_again_is_no_error_and_changes_it(records: Records) -> None:
    for sid in ("login-1", "login-1", "login-2"):
        await register(records, sid=sid)
    (device,) = await of(records)
    assert device.sid == "login-2"


async def test_a_token_moves_to_the_person_who_registers_it_last(records: Records) -> None:
    await register(records)
    await register(records, person=SECOND_PATIENT)
    assert await tokens(records) == []
    assert await tokens(records, SECOND_PATIENT) == ["token-1"]


async def test_a_token_moves_even_to_another_practice(records: Records) -> None:
    await register(records)
    await register(records, person=ELSEWHERE)
    assert await tokens(records) == []
    assert await tokens(records, ELSEWHERE) == ["token-1"]


async def test_of_those_who_register_a_token_at_once_one_has_it(
    records: Records, replica: Records
) -> None:
    owners = (FIRST, SECOND_PATIENT, ELSEWHERE)
    both = (records, replica)
    await asyncio.gather(*(register(each, person=owner) for each in both for owner in owners))
    assert sum([len(await tokens(records, owner)) for owner in owners]) == 1


async def test_a_forgotten_device_is_gone_and_no_other(records: Records) -> None:
    await register(records)
    await register(records, "token-2")
    (first, _) = sorted(await of(records), key=lambda device: device.token)
    for _ in range(2):
        await forget_device(first, records=records)
        assert await tokens(records) == ["token-2"]


async def test_a_device_that_was_registered_anew_is_not_forgotten(
    records: Records, replica: Records
) -> None:
    await register(records)
    (read,) = await of(records)
    await register(replica, person=SECOND_PATIENT)
    with pytest.raises(Stale):
        await commit(records, records.devices.remove(read))
    await forget_device(read, records=records)
    assert await tokens(records, SECOND_PATIENT) == ["token-1"]


async def test_a_person_unregisters_the_devices_of_one_login_or_all_if_it_has_none(
    records: Records,
) -> None:
    await register(records, "token-1", sid="login-1")
    await register(records, "token-2", sid="login-2")
    await register(records, "token-3", sid="login-3")
    await unregister(records, sid="login-2")
    assert await tokens(records) == ["token-1", "token-3"]
    await unregister(records, sid="another")
    assert await tokens(records) == []


async def test_nobody_unregisters_somebody_elses_devices(records: Records) -> None:
    await register(records)
    for person in (SECOND_PATIENT, ELSEWHERE):
        with pytest.raises(NotFound):
            await unregister(records, person=person, sid="login-1")
    assert await tokens(records) == ["token-1"]


async def test_a_pointer_that_leads_nowhere_is_cleaned_up_once_its_writer_must_be_done(
    records: Records, clock: Clock
) -> None:
    alone = DevicePointer(PRACTICE, PATIENT, digest("token-1"), NOW)
    await commit(records, records.devices.pointers.write(alone))
    clock.now = NOW + POINTER_SETTLES - SECOND
    assert await tokens(records) == []
    assert await pointers(records) == [digest("token-1")]
    clock.now += SECOND
    assert await tokens(records) == []
    assert await pointers(records) == []


async def test_a_pointer_that_was_written_anew_is_not_cleaned_up(
    records: Records, clock: Clock
) -> None:
    old = DevicePointer(PRACTICE, PATIENT, digest("token-1"), NOW)
    await commit(records, records.devices.pointers.write(old))
    (read,) = await records.devices.pointers.of_person(PRACTICE, PATIENT)
    clock.now += MINUTE
    await register(records)
    with pytest.raises(Stale):
        await commit(records, records.devices.pointers.remove(read))
    assert await tokens(records) == ["token-1"]


async def test_the_pointer_of_a_token_that_moved_is_cleaned_up(
    records: Records, clock: Clock
) -> None:
    await register(records)
    await register(records, person=SECOND_PATIENT)
    clock.now += POINTER_SETTLES
    assert await tokens(records) == []
    assert await pointers(records) == []
    assert await pointers(records, SECOND_PATIENT) == [digest("token-1")]


async def test_no_two_odd_tokens_share_a_device(records: Records) -> None:
    for start in range(0, len(ODD_IDS), 2):  # a person has no more than twenty
        person = (FIRST, SECOND_PATIENT)[start % 4 // 2]
        for token in ODD_IDS[start : start + 2]:
            await register(records, token, person=person)
    found = [*await tokens(records), *await tokens(records, SECOND_PATIENT)]
    assert sorted(found) == sorted(ODD_IDS)


async def test_what_is_no_unicode_is_refused_without_quoting_it(records: Records) -> None:
    with pytest.raises(InvalidInput) as caught:
        await register(records, NO_UNICODE)
    assert "said" not in str(caught.value)
    assert await tokens(records) == []
    assert await records.devices.load(NO_UNICODE) is None
