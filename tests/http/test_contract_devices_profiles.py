"""The mobile contract: devices and profiles."""

import pytest

from tests.http.clinic import ALEX, JAMIE, JORDAN, OLIVIA, Clinic, account, check_problem
from therapy.domain.people import Role
from therapy.workflows.accounts import add_person
from therapy.workflows.devices import devices_of

DEVICE = {"token": "fcm-1", "platform": "ANDROID", "user_id": OLIVIA.id, "user_type": "THERAPIST"}


async def register(clinic: Clinic, token: str, sid: str, person=OLIVIA):
    headers = {"Authorization": f"Bearer {clinic.token(person, sid)}"}
    device = DEVICE | {"token": token, "user_id": person.public_id}
    return await clinic.post("/devices/register", None, json=device, headers=headers)


async def tokens(clinic: Clinic, person=OLIVIA) -> list[str]:
    devices = await devices_of(person.practice_id, person.id, records=clinic.records)
    return [each.token for each in devices]


@pytest.mark.parametrize("platform", ["ANDROID", "IOS", "something else"])
async def test_a_device_of_any_platform_is_registered(clinic, platform):
    answer = await clinic.post("/devices/register", json=DEVICE | {"platform": platform})
    assert answer.status_code == 204
    assert answer.content == b""
    assert await tokens(clinic) == ["fcm-1"]


async def test_a_patient_registers_a_device_under_the_nine_digit_number(clinic):
    body = DEVICE | {"user_id": JORDAN.number, "user_type": "PATIENT"}
    assert (await clinic.post("/devices/register", JORDAN, json=body)).status_code == 204
    assert await tokens(clinic, JORDAN) == ["fcm-1"]


@pytest.mark.parametrize("missing", list(DEVICE))
async def test_a_registration_without_a_field_names_it(clinic, missing):
    body = {name: value for name, value in DEVICE.items() if name != missing}
    check_problem(await clinic.post("/devices/register", json=body), 400, "required", missing)


async def test_an_empty_registration_token_is_refused(clinic):
    check_problem(await clinic.post("/devices/register", json=DEVICE | {"token": ""}), 400)


async def test_nobody_registers_a_device_for_somebody_else(clinic):
    for other in (ALEX.id, JORDAN.number, "nobody"):
        answer = await clinic.post("/devices/register", json=DEVICE | {"user_id": other})
        check_problem(answer, 403)


async def test_a_device_that_changes_hands_belongs_to_the_last_one(clinic):
    await register(clinic, "fcm-1", "login-1")
    await register(clinic, "fcm-1", "login-2", ALEX)
    assert await tokens(clinic) == []
    assert await tokens(clinic, ALEX) == ["fcm-1"]


async def test_signing_out_removes_the_devices_of_that_login_only(clinic):
    await register(clinic, "phone", "login-1")
    await register(clinic, "tablet", "login-2")
    headers = {"Authorization": f"Bearer {clinic.token(OLIVIA, 'login-1')}"}
    answer = await clinic.post(f"/devices/unregister/{OLIVIA.id}", None, headers=headers)
    assert answer.status_code == 204
    assert await tokens(clinic) == ["tablet"]


async def test_a_login_without_devices_signs_out_all_of_the_callers(clinic):
    await register(clinic, "phone", "login-1")
    await register(clinic, "tablet", "login-2")
    headers = {"Authorization": f"Bearer {clinic.token(OLIVIA, 'login-3')}"}
    answer = await clinic.post(f"/devices/unregister/{OLIVIA.id}", None, headers=headers)
    assert answer.status_code == 204
    assert await tokens(clinic) == []


async def test_unregistering_says_when_nothing_is_registered(clinic):
    check_problem(await clinic.post(f"/devices/unregister/{OLIVIA.id}"), 404, "not_registered")


async def test_nobody_unregisters_somebody_elses_devices(clinic):
    await register(clinic, "phone", "login-1", ALEX)
    check_problem(await clinic.post(f"/devices/unregister/{ALEX.id}"), 403)
    assert await tokens(clinic, ALEX) == ["phone"]


async def test_a_profile_has_the_fields_and_the_date_of_the_contract(clinic):
    answer = await clinic.get("/profiles/me", JORDAN)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": "203948571",
        "fullName": "Jordan White",
        "email": "jordan.white1@example.health",
        "dateOfBirth": "1990-05-07",
        "pictureUrl": None,
    }


@pytest.mark.parametrize("query", ["jord", "WHITE", "jordan.white1@EXAMPLE", "3948"])
async def test_a_therapist_finds_patients_by_a_part_of_name_address_or_number(clinic, query):
    answer = await clinic.get("/profiles/search", params={"query": query})
    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()] == [JORDAN.number]


async def test_a_search_gives_patients_of_the_own_practice_only_in_order_of_their_names(clinic):
    found = (await clinic.get("/profiles/search", params={"query": "example"})).json()
    assert [each["fullName"] for each in found] == [JAMIE.full_name, JORDAN.full_name]


@pytest.mark.parametrize("params", [{}, {"query": ""}, {"query": "   "}])
async def test_a_blank_search_for_people_is_an_empty_array(clinic, params):
    answer = await clinic.get("/profiles/search", params=params)
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("query", ["%", "_", "'", '"', "\\", "*", "\x00", "' OR 1=1 --"])
async def test_signs_that_a_database_could_misread_find_nobody(clinic, query):
    answer = await clinic.get("/profiles/search", params={"query": query})
    assert (answer.status_code, answer.json()) == (200, [])


async def test_a_patient_may_not_search_for_people(clinic):
    check_problem(await clinic.get("/profiles/search", JORDAN, params={"query": "j"}), 403)


@pytest.mark.slow
async def test_a_search_goes_on_after_the_last_one_seen(clinic):
    for number in range(505):
        person = account(
            f"p-{number}",
            Role.PATIENT,
            f"Patient {number:04}",
            f"p{number}@example.net",
            number=f"{number:09}",
        )
        await add_person(person, records=clinic.records)
    first = (await clinic.get("/profiles/search", params={"query": "patient"})).json()
    assert len(first) == 500
    more = {"query": "patient", "before": first[-1]["id"]}
    rest = (await clinic.get("/profiles/search", params=more)).json()
    assert [each["fullName"] for each in rest] == [
        f"Patient {number:04}" for number in range(500, 505)
    ]
