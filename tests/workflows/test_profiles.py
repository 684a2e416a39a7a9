"""Profiles: one's own account, and the search over the practice's patients."""

import pytest
from msgspec.structs import replace

from tests.builders import OTHER_PRACTICE, PATIENT, PRACTICE, a_person, a_practice, an_actor
from tests.workflows.memory_installation import ACTOR, MemoryInstallation, an_installation
from therapy.domain.errors import Forbidden, InvalidInput, NotFound, NotSignedIn, Unavailable
from therapy.domain.people import Role
from therapy.workflows import profiles
from therapy.workflows.accounts import add_person, put_practice


@pytest.fixture
async def installed() -> MemoryInstallation:
    made = await an_installation()
    for number, name in enumerate(["Ada White", "Zoe White", "Ada White"], start=1):
        person = a_person(
            id=f"white-{number}",
            full_name=name,
            email=f"white{number}@example.health",
            number=f"30000000{number}",
        )
        await add_person(person, records=made.records)
    return made


async def found(installed: MemoryInstallation, query: str, before: str = "") -> list[str]:
    entries = await profiles.find_patients(
        ACTOR,
        query,
        before,
        records=installed.records,
        people_index=installed.ports.people_index,
        searches=installed.installation.searches,
    )
    return [entry.id for entry in entries]


async def test_an_account_that_is_gone_is_not_signed_in(installed):
    with pytest.raises(NotSignedIn):
        await profiles.profile(replace(ACTOR, person_id="gone"), records=installed.records)
    with pytest.raises(NotFound):
        await installed.records.people.load(PRACTICE, "gone")


async def test_a_person_reads_their_own_account(installed):
    account = await profiles.profile(ACTOR, records=installed.records)
    assert (account.id, account.role) == (ACTOR.person_id, Role.THERAPIST)


async def test_patients_are_found_by_a_part_of_name_email_or_number_in_order_of_their_names(
    installed,
):
    assert await found(installed, "white") == ["white-1", "white-3", PATIENT, "white-2"]
    assert await found(installed, "white2@") == ["white-2"]
    assert await found(installed, "00000003") == ["white-3"]
    assert await found(installed, "Olivia") == []  # a therapist


@pytest.mark.parametrize("blank", ["", "  ", "\t\n"], ids=["empty", "blanks", "ends of lines"])
async def test_a_blank_query_finds_nobody(installed, blank):
    assert await found(installed, blank) == []


async def test_the_next_page_begins_after_the_patient_with_that_number(installed):
    assert await found(installed, "white", before="300000001") == ["white-3", PATIENT, "white-2"]
    assert await found(installed, "white", before="300000002") == []
    with pytest.raises(InvalidInput):
        await found(installed, "white", before="999999999")


async def test_a_patient_finds_nobody(installed):
    patient = an_actor(person_id=PATIENT, role=Role.PATIENT)
    with pytest.raises(Forbidden):
        await profiles.find_patients(
            patient,
            "white",
            records=installed.records,
            people_index=installed.ports.people_index,
            searches=installed.installation.searches,
        )


async def test_people_of_another_practice_are_not_found(installed):
    await put_practice(a_practice(id=OTHER_PRACTICE), records=installed.records)
    stranger = a_person(id="s", practice_id=OTHER_PRACTICE, email="s@example.health")
    await add_person(stranger, records=installed.records)
    assert "s" not in await found(installed, "white")


async def test_an_account_is_found_once_the_index_is_back(installed):
    installed.ports.people_index.failure = Unavailable()
    late = a_person(id="late", full_name="Late Comer", email="l@example.health", number="400000007")
    await add_person(late, records=installed.records)
    assert await found(installed, "Late") == []
    installed.ports.people_index.failure = None
    installed.clock.advance(minutes=1)
    await installed.sweep()
    assert await found(installed, "Late") == ["late"]
