"""What `ports.people` promises."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.builders import (
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    THERAPIST,
    a_person,
    a_practice,
    a_therapist,
)
from tests.contract.conftest import Family
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.people import PatientSees, Person, Role
from therapy.domain.text_folding import fold


async def add(family: Family, *people: Person) -> None:
    for person in people:
        await family.people.add(person.practice_id, person)


async def search(
    family: Family, query: str = "", *, role: Role | None = None, after: str = "", limit: int = 500
) -> list[str]:
    people = await family.people.search(PRACTICE, role, query, after, limit)
    return [person.id for person in people]


def named(*names: str) -> list[Person]:
    return [
        a_person(id=f"id-{at}", full_name=name, email=f"{at}@example.health", number=f"{at:09}")
        for at, name in enumerate(names)
    ]


async def test_a_practice_is_given_as_it_was_written(family: Family) -> None:
    await family.people.put_practice(PRACTICE, a_practice(language="he"))
    assert await family.people.practice(PRACTICE) == a_practice(language="he")


async def test_a_practice_may_be_written_again(family: Family) -> None:
    changed = a_practice(patient_sees=PatientSees.NOTHING)
    for practice in (a_practice(), changed, changed):
        await family.people.put_practice(PRACTICE, practice)
    assert await family.people.practice(PRACTICE) == changed


async def test_a_practice_that_is_missing_is_not_found(family: Family) -> None:
    with pytest.raises(NotFound):
        await family.people.practice(PRACTICE)


async def test_an_added_account_comes_back_with_version_1(family: Family) -> None:
    assert await family.people.add(PRACTICE, a_person()) == a_person(version=1)
    assert await family.people.person(PRACTICE, PATIENT) == a_person(version=1)


async def test_an_account_is_found_by_its_number(family: Family) -> None:
    await add(family, a_person())
    assert await family.people.by_number(PRACTICE, a_person().number) == a_person(version=1)


async def test_an_account_is_found_by_its_e_mail_in_any_case(family: Family) -> None:
    await add(family, a_person())
    for email in ("jordan.white1@example.health", " Jordan.WHITE1@Example.Health "):
        assert await family.people.by_email(email) == a_person(version=1)


async def test_accounts_that_are_missing_are_not_found(family: Family) -> None:
    await add(family, a_person())
    for call in (
        family.people.person(PRACTICE, "missing"),
        family.people.by_number(PRACTICE, "000000000"),
        family.people.by_email("nobody@example.health"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_accounts_of_another_practice_are_not_found(family: Family) -> None:
    await add(family, a_person())
    with pytest.raises(NotFound):
        await family.people.person(OTHER_PRACTICE, PATIENT)
    with pytest.raises(NotFound):
        await family.people.by_number(OTHER_PRACTICE, a_person().number)


async def test_nobody_has_the_empty_number(family: Family) -> None:
    await add(family, a_therapist())
    with pytest.raises(NotFound):
        await family.people.by_number(PRACTICE, "")


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (
            a_person(id="other", number="111111111", email="JORDAN.White1@example.health"),
            "email_taken",
        ),
        (
            a_person(id="other", number="111111111", practice_id=OTHER_PRACTICE),
            "email_taken",
        ),
        (a_person(id="other", email="other@example.health"), "number_taken"),
        (a_person(number="111111111", email="other@example.health"), "already_exists"),
    ],
    ids=["e-mail in another case", "e-mail in another practice", "number", "id"],
)
async def test_what_is_taken_can_not_be_added_again(
    family: Family, person: Person, code: str
) -> None:
    await add(family, a_person())
    with pytest.raises(AlreadyExists) as caught:
        await add(family, person)
    assert caught.value.code == code
    assert await family.people.person(PRACTICE, PATIENT) == a_person(version=1)
    assert await search(family) == [PATIENT]
    with pytest.raises(NotFound):
        await family.people.person(person.practice_id, "other")


async def test_what_a_refused_account_asked_for_stays_free(family: Family) -> None:
    await add(family, a_person())
    with pytest.raises(AlreadyExists):
        await add(family, a_person(id="second", email="free@example.health"))
    with pytest.raises(AlreadyExists):
        await add(family, a_person(id="second", number="111111111"))
    await add(family, a_person(id="second", email="free@example.health", number="111111111"))
    assert (await family.people.by_email("free@example.health")).id == "second"


async def test_another_practice_may_use_a_number_and_an_id_again(family: Family) -> None:
    theirs = a_person(practice_id=OTHER_PRACTICE, email="other@example.health")
    await add(family, a_person(), theirs)
    assert (await family.people.by_number(PRACTICE, theirs.number)).email == a_person().email
    assert (await family.people.by_number(OTHER_PRACTICE, theirs.number)).email == theirs.email


async def test_any_number_of_accounts_may_have_no_number(family: Family) -> None:
    await add(family, a_therapist(), a_therapist(id="second", email="alex.lebed2@example.health"))
    assert len(await search(family)) == 2


async def test_of_two_that_take_an_e_mail_at_once_one_gets_it(family: Family) -> None:
    people = [a_person(id=f"id-{number}", number=f"{number:09}") for number in range(4)]
    results = await asyncio.gather(*(add(family, each) for each in people), return_exceptions=True)
    assert [type(each) for each in results].count(AlreadyExists) == 3
    assert len(await search(family)) == 1


async def test_a_saved_account_counts_its_version(family: Family) -> None:
    await add(family, a_person())
    changed = a_person(full_name="Jordan Blanc", version=1)
    assert await family.people.save(PRACTICE, changed) == replace(changed, version=2)
    assert await family.people.person(PRACTICE, PATIENT) == replace(changed, version=2)
    assert await search(family, "blanc") == [PATIENT]
    assert await search(family, "jordan white") == []


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_saving_another_version_than_the_stored_one_is_stale(
    family: Family, version: int
) -> None:
    await add(family, a_person())
    stored = await family.people.save(PRACTICE, a_person(version=1, picture_url="/new"))
    with pytest.raises(Stale):
        await family.people.save(PRACTICE, a_person(version=version, full_name="Late"))
    assert await family.people.person(PRACTICE, PATIENT) == stored


async def test_saving_an_account_that_is_not_there_is_stale(family: Family) -> None:
    await add(family, a_person())
    for practice_id, person in ((PRACTICE, a_therapist(version=1)), (OTHER_PRACTICE, a_person())):
        with pytest.raises(Stale):
            await family.people.save(practice_id, replace(person, version=1))


@pytest.mark.parametrize("changes", [{"email": "new@example.health"}, {"number": "111111111"}])
async def test_e_mail_and_number_never_change(family: Family, changes: dict[str, str]) -> None:
    await add(family, a_person())
    with pytest.raises(InvalidInput) as caught:
        await family.people.save(PRACTICE, a_person(version=1, **changes))
    assert [caught.value.field] == list(changes)
    assert await family.people.person(PRACTICE, PATIENT) == a_person(version=1)


async def test_an_e_mail_may_change_its_case(family: Family) -> None:
    await add(family, a_person())
    await family.people.save(PRACTICE, a_person(version=1, email="Jordan.White1@example.health"))
    found = await family.people.by_email("jordan.white1@example.health")
    assert found.email == "Jordan.White1@example.health"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("  ", True),
        ("dan WH", True),
        ("Jordán", True),
        ("white1@EXAMPLE", True),
        ("3948", True),
        ("white jordan", False),
        ("%", False),
        ("white203", False),
        ("white\njordan.white1", False),
    ],
)
async def test_a_search_finds_parts_of_name_e_mail_or_number(
    family: Family, query: str, found: bool
) -> None:
    await add(family, a_person())
    assert await search(family, query) == ([PATIENT] if found else [])


async def test_a_search_finds_hebrew_names_without_their_points(family: Family) -> None:
    await add(family, a_person(full_name="נֹעָה כהן"))
    assert await search(family, "נעה") == [PATIENT]
    assert await search(family, "כה") == [PATIENT]


async def test_a_search_is_for_one_role_or_for_any(family: Family) -> None:
    await add(family, a_person(), a_therapist())
    assert await search(family, role=Role.PATIENT) == [PATIENT]
    assert await search(family, role=Role.THERAPIST) == [THERAPIST]
    assert await search(family) == [PATIENT, THERAPIST]


async def test_a_search_stays_in_the_practice(family: Family) -> None:
    await add(family, a_person(practice_id=OTHER_PRACTICE))
    assert await search(family) == []


async def test_people_are_in_order_of_their_folded_names_then_ids(family: Family) -> None:
    await add(family, *named("b", "Á", "a b", "אבא", "a", "B"))
    assert await search(family) == ["id-1", "id-4", "id-2", "id-0", "id-5", "id-3"]


async def test_a_search_goes_on_after_the_last_one_seen(family: Family) -> None:
    people = named("a", "a|z", "a b", "b", "a", "A")
    await add(family, *people)
    for query in ("", "example"):
        seen: list[str] = []
        after = ""
        while page := await family.people.search(PRACTICE, Role.PATIENT, query, after, 2):
            seen += [person.id for person in page]
            after = f"{fold(page[-1].full_name)}|{page[-1].id}"
        assert seen == ["id-0", "id-4", "id-5", "id-2", "id-1", "id-3"]


async def test_no_search_gives_more_than_asked_for(family: Family) -> None:
    await add(family, *named("a", "b", "c"))
    assert await search(family, limit=2) == ["id-0", "id-1"]
    assert await search(family, limit=0) == []
    assert len(await search(family, limit=10**6)) == 3
