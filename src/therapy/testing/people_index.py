"""What `ports.people_index` promises, of whatever index the fixture `people_index` opens, empty."""

import asyncio
import random
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from therapy.domain.people import Role
from therapy.domain.person_entry import MOST_PEOPLE, PersonEntry, person_found
from therapy.domain.text_folding import fold
from therapy.ports.people_index import PeopleIndex
from therapy.testing.person_entries import (
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    THERAPIST,
    a_patient,
    a_therapist,
    everyone,
    named,
    put,
    search,
)
from therapy.testing.strategies import NAMES, texts

# --- put -----------------------------------------------------------------------------------------


async def test_an_entry_is_given_as_it_was_written(people_index: PeopleIndex) -> None:
    await put(people_index, a_therapist(), a_patient())
    assert await everyone(people_index) == (a_patient(), a_therapist())


async def test_a_persons_entry_with_a_greater_sequence_replaces_the_stored_one(
    people_index: PeopleIndex,
) -> None:
    newer = a_patient(sequence=3, full_name="Zoe Blanc", email="zoe@example.health", number="")
    await put(people_index, a_patient(), a_therapist(), newer)
    assert await everyone(people_index) == (a_therapist(), newer)
    for gone in ("jordan", "white1", "3948"):
        assert await search(people_index, gone) == []
    assert await search(people_index, "blanc") == [PATIENT]


async def test_a_persons_entry_with_a_smaller_sequence_is_ignored(
    people_index: PeopleIndex,
) -> None:
    newer = a_patient(sequence=3)
    await put(people_index, newer, a_patient(sequence=2, full_name="Older Name"))
    assert await everyone(people_index) == (newer,)
    assert await search(people_index, "older") == []


async def test_the_same_persons_entry_may_be_written_twice(people_index: PeopleIndex) -> None:
    await put(people_index, a_patient(), a_patient())
    assert await everyone(people_index) == (a_patient(),)


async def test_an_entry_with_the_same_sequence_replaces_the_stored_one(
    people_index: PeopleIndex,
) -> None:
    await put(people_index, a_patient(full_name="Made by an older program"), a_patient())
    assert await everyone(people_index) == (a_patient(),)


async def test_sequences_are_compared_as_numbers(people_index: PeopleIndex) -> None:
    newer = a_patient(sequence=10)
    await put(people_index, a_patient(sequence=9), newer, a_patient(sequence=9))
    assert await everyone(people_index) == (newer,)


async def test_an_entry_that_changes_its_role_leaves_the_old_one(people_index: PeopleIndex) -> None:
    await put(people_index, a_patient(), a_patient(sequence=2, role=Role.THERAPIST))
    assert await search(people_index, role=Role.PATIENT) == []
    assert await search(people_index, role=Role.THERAPIST) == [PATIENT]


async def test_people_of_two_practices_may_have_the_same_id(people_index: PeopleIndex) -> None:
    theirs = a_patient(practice_id=OTHER_PRACTICE, full_name="Somebody Else", sequence=5)
    await put(people_index, theirs, a_patient())
    assert await everyone(people_index) == (a_patient(),)
    assert await search(people_index, "else", practice=OTHER_PRACTICE) == [PATIENT]


async def test_an_id_may_have_any_signs(people_index: PeopleIndex) -> None:
    ids = sorted(["a/b", "a?b", "a#b", "a b", "a\\b", "A", "a", "~", "נעה", "x" * 200])
    for practice in ("practice/1", "practice?1"):
        await put(people_index, *(a_patient(id=each, practice_id=practice) for each in ids))
        await people_index.remove(practice, "a/b")
        left = [each for each in ids if each != "a/b"]
        assert await search(people_index, practice=practice) == left


@pytest.mark.parametrize("there", [True, False], ids=["there before", "new"])
async def test_of_many_that_write_at_once_the_one_with_the_greatest_sequence_stays(
    people_index: PeopleIndex, there: bool
) -> None:
    if there:
        await put(people_index, a_patient(sequence=0))
    entries = [a_patient(sequence=number, full_name=f"Name {number}") for number in range(1, 7)]
    random.Random(7).shuffle(entries)
    await asyncio.gather(*(people_index.put(PRACTICE, each) for each in entries))
    assert [entry.full_name for entry in await everyone(people_index)] == ["Name 6"]


# --- remove --------------------------------------------------------------------------------------


async def test_a_removed_person_is_found_by_no_search(people_index: PeopleIndex) -> None:
    await put(people_index, a_patient(), a_therapist())
    await people_index.remove(PRACTICE, PATIENT)
    for query in ("", "jordan", "white1@", "3948"):
        for role in (Role.PATIENT, None):
            assert PATIENT not in await search(people_index, query, role=role)
    assert await search(people_index) == [THERAPIST]


async def test_a_write_that_comes_after_a_persons_removal_is_ignored(
    people_index: PeopleIndex,
) -> None:
    await put(people_index, a_patient())
    await people_index.remove(PRACTICE, PATIENT)
    await people_index.remove(PRACTICE, "never-there")
    await put(people_index, a_patient(sequence=9), a_patient(id="never-there"))
    assert await everyone(people_index) == ()


async def test_removing_a_person_twice_is_no_error_and_touches_nothing_else(
    people_index: PeopleIndex,
) -> None:
    theirs = a_patient(practice_id=OTHER_PRACTICE)
    await put(people_index, a_patient(), a_therapist(), theirs)
    await people_index.remove(PRACTICE, PATIENT)
    await people_index.remove(PRACTICE, PATIENT)
    await put(people_index, a_patient(sequence=2))
    assert await search(people_index) == [THERAPIST]
    assert await search(people_index, practice=OTHER_PRACTICE) == [PATIENT]


async def test_a_removal_holds_whoever_writes_at_the_same_moment(people_index: PeopleIndex) -> None:
    for number in range(5):
        entries = [a_patient(id=f"id-{number}", sequence=each) for each in (1, 2, 3)]
        first, *others = (people_index.put(PRACTICE, each) for each in entries)
        await asyncio.gather(first, people_index.remove(PRACTICE, f"id-{number}"), *others)
    assert await everyone(people_index) == ()


# --- search --------------------------------------------------------------------------------------


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
        ("_", False),
        ("white203", False),
        ("whitejordan", False),
        ("health203", False),
        ("white\njordan.white1", False),
        ("x" * 5_000, False),
    ],
)
async def test_a_search_finds_parts_of_name_e_mail_or_number(
    people_index: PeopleIndex, query: str, found: bool
) -> None:
    await put(people_index, a_patient())
    assert person_found(a_patient(), query) is found
    assert await search(people_index, query) == ([PATIENT] if found else [])
    assert await search(people_index, query, role=Role.PATIENT) == ([PATIENT] if found else [])


async def test_a_search_finds_hebrew_names_without_their_points(people_index: PeopleIndex) -> None:
    await put(people_index, a_patient(full_name="נֹעָה כהן"))
    assert await search(people_index, "נעה") == [PATIENT]
    assert await search(people_index, "כה") == [PATIENT]


async def test_a_search_is_for_one_role_or_for_any(people_index: PeopleIndex) -> None:
    await put(people_index, a_patient(), a_therapist())
    assert await search(people_index, role=Role.PATIENT) == [PATIENT]
    assert await search(people_index, role=Role.THERAPIST) == [THERAPIST]
    assert await search(people_index) == [PATIENT, THERAPIST]


async def test_a_search_stays_in_the_practice(people_index: PeopleIndex) -> None:
    await put(people_index, a_patient(practice_id=OTHER_PRACTICE))
    for role in (Role.PATIENT, None):
        assert await search(people_index, role=role) == []


async def test_people_are_in_order_of_their_folded_names_then_ids(
    people_index: PeopleIndex,
) -> None:
    await put(people_index, *named("b", "Á", "a b", "אבא", "a", "B"))
    for role in (Role.PATIENT, None):
        in_order = ["id-1", "id-4", "id-2", "id-0", "id-5", "id-3"]
        assert await search(people_index, role=role) == in_order


async def test_names_are_in_order_of_code_points(people_index: PeopleIndex) -> None:
    """Those beyond U+FFFF come last, where an order of UTF-16 would put them before U+FFFD."""
    await put(people_index, *named("🙂", "\ufffd", "z", "", "|", "~"))
    assert await search(people_index) == ["id-3", "id-2", "id-4", "id-5", "id-1", "id-0"]


@pytest.mark.parametrize("role", [Role.PATIENT, None], ids=["one role", "any role"])
@pytest.mark.parametrize("query", ["", "example"], ids=["all", "some"])
async def test_a_search_goes_on_after_the_last_one_seen(
    people_index: PeopleIndex, role: Role | None, query: str
) -> None:
    await put(people_index, *named("a", "a|z", "a b", "b", "a", "A", ""))
    pages: list[list[str]] = []
    after = ""
    for _ in range(5):
        page = await people_index.search(PRACTICE, role, query, after, 2)
        pages.append([entry.id for entry in page])
        after = f"{fold(page[-1].full_name)}|{page[-1].id}" if page else after
    assert pages == [["id-6", "id-0"], ["id-4", "id-5"], ["id-2", "id-1"], ["id-3"], []]


async def test_a_search_goes_on_after_one_who_is_no_more_there(people_index: PeopleIndex) -> None:
    await put(people_index, *named("a", "b", "c"))
    await people_index.remove(PRACTICE, "id-1")
    assert await search(people_index, after="b|id-1") == ["id-2"]


async def test_no_search_gives_more_than_asked_for(people_index: PeopleIndex) -> None:
    await put(people_index, *named("a", "b", "c"))
    assert await search(people_index, limit=2) == ["id-0", "id-1"]
    assert await search(people_index, limit=0) == []
    assert len(await search(people_index, limit=10**6)) == 3


async def test_no_search_gives_more_than_500(people_index: PeopleIndex) -> None:
    people = named(*(f"{number:03}" for number in range(MOST_PEOPLE + 1)))
    await asyncio.gather(*(people_index.put(PRACTICE, each) for each in people))
    found = await search(people_index, limit=MOST_PEOPLE + 1)
    assert found == [f"id-{number}" for number in range(MOST_PEOPLE)]


# --- old and new programs ------------------------------------------------------------------------


class LaterRole(Enum):
    """What a newer program might know besides."""

    PATIENT = "PATIENT"
    SUPERVISOR = "SUPERVISOR"


class LaterEntry(PersonEntry, frozen=True, omit_defaults=True):
    """What a newer program might write."""

    pronouns: str = ""


def from_later(entry: PersonEntry, role: LaterRole, **more: Any) -> PersonEntry:
    """Return an entry as a newer program would write it."""
    plain = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return LaterEntry(**(plain | {"role": role} | more))


async def test_fields_that_only_a_newer_program_knows_are_skipped(
    people_index: PeopleIndex,
) -> None:
    await put(people_index, from_later(a_patient(), LaterRole.PATIENT, pronouns="they"))
    assert await everyone(people_index) == (a_patient(),)


async def test_people_whom_only_a_newer_program_can_read_are_passed_over(
    people_index: PeopleIndex,
) -> None:
    entries = named("a", "b", "c", "d", "e", "f", "g", "h")
    unknown = {"id-0", "id-4", "id-5", "id-7"}
    for entry in entries:
        later = from_later(entry, LaterRole.SUPERVISOR)
        await put(people_index, later if entry.id in unknown else entry)
    known = ["id-1", "id-2", "id-3", "id-6"]
    assert await search(people_index) == known
    assert await search(people_index, role=Role.PATIENT) == known
    for limit in (1, 2, 3, 4):
        assert await search(people_index, "example", limit=limit) == known[:limit]
    assert await search(people_index, after="d|id-3", limit=1) == ["id-6"]


async def test_people_whom_only_a_newer_program_can_read_are_kept(
    people_index: PeopleIndex,
) -> None:
    await put(people_index, from_later(a_patient(sequence=5), LaterRole.SUPERVISOR))
    await put(people_index, a_patient(sequence=4))
    assert await everyone(people_index) == ()
    await put(people_index, a_patient(sequence=6))
    assert await everyone(people_index) == (a_patient(sequence=6),)


# --- in general ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "query"), NAMES)
async def test_a_name_is_found_however_it_is_written(
    people_index: PeopleIndex, name: str, query: str
) -> None:
    await put(people_index, a_patient(full_name=name), a_patient(id="patient-2", full_name="Dana"))
    assert await search(people_index, query) == [PATIENT]


ids = st.text(alphabet=st.sampled_from("abcxyz019"), min_size=1, max_size=4)
PRACTICES = iter(range(10**9))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_a_search_of_people_always_agrees_with_the_domain(
    people_index: PeopleIndex, data: st.DataObject
) -> None:
    practice = f"of-the-domain-{next(PRACTICES)}"
    one = st.builds(
        PersonEntry,
        id=ids,
        practice_id=st.just(practice),
        role=st.sampled_from(Role),
        email=texts,
        full_name=texts,
        sequence=st.integers(1, 9),
        number=st.sampled_from(["", "203948571", "123456789"]),
    )
    entries = data.draw(st.lists(one, max_size=5, unique_by=lambda entry: entry.id))
    said = [entry.full_name[:3] for entry in entries]
    query = data.draw(texts | st.sampled_from(said) if said else texts)
    last = data.draw(st.none() | st.sampled_from(entries) if entries else st.none())
    role = data.draw(st.none() | st.sampled_from(Role))
    await put(people_index, *entries)
    wanted = [
        entry
        for entry in sorted(entries, key=lambda entry: entry.sort_key)
        if (role is None or entry.role is role)
        and person_found(entry, query)
        and (last is None or entry.sort_key > last.sort_key)
    ]
    after = "|".join(last.sort_key) if last else ""
    assert await people_index.search(practice, role, query, after, 10) == tuple(wanted)
