"""What `ports.devices` promises."""

from tests.builders import NOW, OTHER_PRACTICE, PATIENT, PRACTICE, SECOND, a_device
from tests.contract.conftest import Family
from therapy.domain.people import Device


async def tokens(family: Family, practice_id: str = PRACTICE, person: str = PATIENT) -> list[str]:
    return [device.token for device in await family.devices.of_person(practice_id, person)]


async def put(family: Family, *devices: Device) -> None:
    for device in devices:
        await family.devices.put(device.practice_id, device)


async def test_a_device_is_given_as_it_was_registered(family: Family) -> None:
    await put(family, a_device())
    assert await family.devices.of_person(PRACTICE, PATIENT) == (a_device(),)


async def test_a_person_without_devices_has_none(family: Family) -> None:
    assert await family.devices.of_person(PRACTICE, PATIENT) == ()


async def test_devices_come_oldest_registration_first(family: Family) -> None:
    await put(
        family,
        a_device(token="new", registered_at=NOW + SECOND),
        a_device(token="old", registered_at=NOW - SECOND),
        a_device(token="middle"),
    )
    assert await tokens(family) == ["old", "middle", "new"]


async def test_registering_a_device_again_is_no_error_and_changes_it(family: Family) -> None:
    await put(family, a_device(), a_device(), a_device(sid="login-2"))
    assert await family.devices.of_person(PRACTICE, PATIENT) == (a_device(sid="login-2"),)


async def test_a_token_moves_to_the_person_who_registers_it_last(family: Family) -> None:
    await put(family, a_device(), a_device(person_id="patient-2"))
    assert await tokens(family) == []
    assert await tokens(family, person="patient-2") == ["token-1"]


async def test_a_token_moves_even_to_another_practice(family: Family) -> None:
    await put(family, a_device(), a_device(practice_id=OTHER_PRACTICE))
    assert await tokens(family) == []
    assert await tokens(family, OTHER_PRACTICE) == ["token-1"]


async def test_a_removed_device_is_forgotten_and_no_other(family: Family) -> None:
    await put(family, a_device(), a_device(token="token-2"))
    await family.devices.remove(PRACTICE, "token-1")
    assert await tokens(family) == ["token-2"]


async def test_removing_twice_is_no_error(family: Family) -> None:
    await put(family, a_device())
    await family.devices.remove(PRACTICE, "token-1")
    await family.devices.remove(PRACTICE, "token-1")
    assert await tokens(family) == []


async def test_a_practice_removes_its_own_devices_only(family: Family) -> None:
    await put(family, a_device())
    await family.devices.remove(OTHER_PRACTICE, "token-1")
    assert await tokens(family) == ["token-1"]
