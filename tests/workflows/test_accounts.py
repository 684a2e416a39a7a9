"""Accounts: an address is one person's in all practices, a number one's in its practice, whoever dies."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.builders import NOW, OTHER_PRACTICE, PRACTICE, a_person, a_practice
from tests.workflows.interrupted_ports import InterruptedStore, nothing
from tests.workflows.memory_installation import some_records
from therapy.adapters.memory.passwords import MemoryPasswords
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable
from therapy.domain.outbox import PersonEntryChanged
from therapy.domain.people import Person, Practice, Role
from therapy.ports.store import Write
from therapy.repositories.practices import practice_partition
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows import accounts

EMAIL = a_person().email


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
async def records(clock: Clock) -> Records:
    made = some_records(clock, InterruptedStore(MemoryStore(clock)))
    await accounts.put_practice(a_practice(), records=made)
    return made


async def add(records: Records, **changes: object) -> Person:
    return await accounts.add_person(a_person(**changes), records=records)


async def taken_by_the_dead(records: Records, person: Person) -> None:
    """Take an address as a process does that dies before it writes the account."""

    async def die(partition: str, _: Sequence[Write]) -> None:
        if partition.startswith("practice|"):
            raise Unavailable

    records.store.before_commit = die
    with pytest.raises(Unavailable):
        await accounts.add_person(person, records=records)
    records.store.before_commit = nothing


async def test_an_account_its_number_and_what_follows_are_one_commit(records):
    person = await add(records)
    items = await records.store.list(practice_partition(PRACTICE))
    assert {item.kind for item in items} == {"practice", "number", "outbox", "person"}
    (waiting,) = await records.outbox.pending(practice_partition(PRACTICE))
    assert waiting.item.what == PersonEntryChanged(person.id)
    assert await records.people.load(PRACTICE, person.id) == person
    assert await records.people.by_number(PRACTICE, person.number) == person
    assert await records.people.by_email(person.email) == person


@pytest.mark.parametrize("practice", [PRACTICE, OTHER_PRACTICE])
async def test_an_address_is_one_persons_in_all_practices_and_in_any_case(records, practice):
    first = await add(records)
    with pytest.raises(AlreadyExists, match="email_taken"):
        await add(
            records, id="other", practice_id=practice, email=EMAIL.upper(), number="300000015"
        )
    assert await records.people.by_email(EMAIL) == first


async def test_a_number_is_one_persons_in_its_practice_and_its_refusal_gives_the_address_back(
    records,
):
    first = await add(records)
    with pytest.raises(AlreadyExists, match="number_taken"):
        await add(records, id="other", email="other@example.health")
    assert await records.people.by_number(PRACTICE, first.number) == first
    with pytest.raises(NotFound):
        await records.people.by_email("other@example.health")
    await add(records, id="other", email="other@example.health", number="300000015")
    await add(records, id="third", practice_id=OTHER_PRACTICE, email="third@example.health")


async def test_an_address_that_a_dead_process_took_is_free_once_it_has_had_its_time(records, clock):
    await taken_by_the_dead(records, a_person())
    with pytest.raises(NotFound):
        await records.people.by_email(EMAIL)
    with pytest.raises(AlreadyExists, match="email_taken"):
        await add(records, id="other")
    clock.advance(seconds=60)
    other = await add(records, id="other")
    assert await records.people.by_email(EMAIL) == other


async def test_whoever_took_an_address_and_died_goes_on_at_once_with_the_same_account(records):
    await taken_by_the_dead(records, a_person())
    person = await add(records)
    assert await records.people.by_email(EMAIL) == person


async def test_an_address_of_an_account_is_kept_however_long_ago_it_was_taken(records, clock):
    await add(records)
    clock.advance(days=1_000)
    with pytest.raises(AlreadyExists, match="email_taken"):
        await add(records, id="other", number="300000015")


async def test_of_several_who_want_an_address_at_once_one_gets_it(records):
    async def let_others_read(_: str, what: Sequence[object]) -> None:
        await asyncio.sleep(0)

    records.store.after_get = records.store.before_commit = let_others_read
    results = await asyncio.gather(
        *(add(records, id=f"p{number}", number=f"30000000{number}") for number in range(6)),
        return_exceptions=True,
    )
    (person,) = [each for each in results if isinstance(each, Person)]
    assert {type(each) for each in results} == {Person, AlreadyExists}
    assert await records.people.by_email(EMAIL) == person
    everybody = [each.id async for each in records.people.of_practice(PRACTICE)]
    assert everybody == [person.id]


async def test_of_several_who_take_over_a_dead_ones_address_one_gets_it(records, clock):
    await taken_by_the_dead(records, a_person(id="dead"))
    clock.advance(minutes=2)
    await test_of_several_who_want_an_address_at_once_one_gets_it(records)


async def test_an_address_that_somebody_took_over_is_not_given_back_by_whoever_lost_it(
    records, clock
):
    """One takes the address and stalls; another takes it over; then the first one's number is refused."""
    await add(records, id="first", email="first@example.health")

    async def stall(partition: str, _: Sequence[Write]) -> None:
        if partition.startswith("practice|"):
            records.store.before_commit = nothing
            clock.advance(minutes=2)
            await add(records, id="quick", number="300000015")

    records.store.before_commit = stall
    with pytest.raises(AlreadyExists, match="number_taken"):
        await add(records, id="slow")
    assert (await records.people.by_email(EMAIL)).id == "quick"


async def test_a_practice_whose_maker_died_after_listing_it_is_written_when_it_is_joined(records):
    lake = Practice("lake", "Lake Practice", "he")

    async def die(partition: str, _: Sequence[Write]) -> None:
        if partition == practice_partition("lake"):
            raise Unavailable

    records.store.before_commit = die
    with pytest.raises(Unavailable):
        await accounts.put_practice(lake, records=records)
    records.store.before_commit = nothing
    with pytest.raises(NotFound):
        await records.practices.load("lake")
    assert await accounts.practice_to_join("lake practice", "en", records=records) == lake
    assert await records.practices.load("lake") == lake


async def test_a_practice_is_joined_as_it_is_and_not_as_the_list_has_it(records):
    he = a_practice(language="he")

    async def die(partition: str, _: Sequence[Write]) -> None:
        if partition == practice_partition(PRACTICE):
            raise Unavailable

    records.store.before_commit = die
    with pytest.raises(Unavailable):
        await accounts.put_practice(he, records=records)
    records.store.before_commit = nothing
    joined = await accounts.practice_to_join("", "en", records=records)
    assert joined == await records.practices.load(PRACTICE) == a_practice()


async def test_the_first_practice_is_made_by_whoever_comes_first():
    records = some_records(Clock(NOW))
    first = await accounts.practice_to_join("", "he", records=records)
    assert (first.name, first.language) == ("Practice", "he")
    assert await records.practices.load(first.id) == first
    assert await records.practices.all() == (first,)


async def test_a_patient_is_added_under_a_number_and_a_therapist_under_none(records):
    async def add_account(role: Role, email: str, number: str) -> Person:
        return await accounts.add_account(
            a_practice(),
            role,
            email=email,
            full_name="Dana Levi",
            password="a password to try with",
            number=number,
            records=records,
            passwords=MemoryPasswords(),
        )

    patient = await add_account(Role.PATIENT, " Dana@Example.Health ", "300000015")
    assert await records.people.by_email("dana@example.health") == patient
    for role, number in ((Role.PATIENT, ""), (Role.PATIENT, "1"), (Role.THERAPIST, "300000023")):
        with pytest.raises(InvalidInput):
            await add_account(role, "other@example.health", number)
    therapist = await add_account(Role.THERAPIST, "other@example.health", "")
    assert (therapist.number, therapist.version) == ("", 1)


async def test_every_account_is_counted_and_listed_however_many_there_are(records):
    for number in range(501):
        await add(
            records,
            id=f"p{number}",
            email=f"p{number}@example.health",
            number=f"{number:09}",
            demo=number < 500,
        )
    assert len([each async for each in records.people.of_practice(PRACTICE)]) == 501
    assert await accounts.real_people(records=records) == 1


async def test_practices_are_listed_in_order_of_their_ids():
    records = some_records(Clock(NOW))
    for practice_id in ("b", "a", "c"):
        practice = Practice(practice_id, practice_id.upper())
        await accounts.put_practice(practice, records=records)
    assert [each.id for each in await records.practices.all()] == ["a", "b", "c"]
