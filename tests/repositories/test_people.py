"""What `repositories.people` and adding an account promise."""

import pytest
from msgspec.structs import replace

from tests.builders import (
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    SECOND,
    THERAPIST,
    a_person,
    a_therapist,
)
from tests.repositories.changes import NO_UNICODE, ODD_IDS, add_people, at_once, commit, commit_many
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.session_events import MemorySessionEvents
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.outbox import PersonEntryChanged
from therapy.domain.people import Person, email_key
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import MOST_ITEMS
from therapy.repositories.change import Change
from therapy.repositories.people import FREED_FOR, EmailOwner
from therapy.repositories.practices import practice_partition
from therapy.repositories.records import Records
from therapy.testing.clock import Clock
from therapy.workflows.accounts import EMAIL_SETTLES, add_person
from therapy.workflows.outbox_relay import OutboxRelay
from therapy.workflows.reset_letters import ResetLetters


async def save(records: Records, after: Person) -> Person:
    """Write an account as whoever read the version that it carries."""
    before = a_therapist() if after.id == THERAPIST else a_person(practice_id=after.practice_id)
    before = replace(before, version=after.version)
    change = Change(records.people.write(before, after))
    await records.commit(after.practice_id, change, PersonEntryChanged(after.id))
    return replace(after, version=after.version + 1)


async def listed(records: Records, practice_id: str = PRACTICE) -> list[str]:
    return [person.id async for person in records.people.of_practice(practice_id)]


# --- accounts ------------------------------------------------------------------------------------


async def test_an_added_account_comes_back_with_version_1(records: Records) -> None:
    assert await add_person(a_person(), records=records) == a_person(version=1)
    assert await records.people.load(PRACTICE, PATIENT) == a_person(version=1)


async def test_an_account_is_found_by_its_number(records: Records) -> None:
    await add_people(records, a_person())
    assert await records.people.by_number(PRACTICE, a_person().number) == a_person(version=1)


async def test_an_account_is_found_by_its_e_mail_in_any_case(records: Records) -> None:
    await add_people(records, a_person())
    for email in ("jordan.white1@example.health", " Jordan.WHITE1@Example.Health "):
        assert await records.people.by_email(email) == a_person(version=1)


async def test_accounts_that_are_missing_are_not_found(records: Records) -> None:
    await add_people(records, a_person())
    for call in (
        records.people.load(PRACTICE, "missing"),
        records.people.by_number(PRACTICE, "000000000"),
        records.people.by_email("nobody@example.health"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_accounts_of_another_practice_are_not_found(records: Records) -> None:
    await add_people(records, a_person())
    with pytest.raises(NotFound):
        await records.people.load(OTHER_PRACTICE, PATIENT)
    with pytest.raises(NotFound):
        await records.people.by_number(OTHER_PRACTICE, a_person().number)


async def test_nobody_has_the_empty_number(records: Records) -> None:
    await add_people(records, a_therapist())
    with pytest.raises(NotFound):
        await records.people.by_number(PRACTICE, "")


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
    records: Records, person: Person, code: str
) -> None:
    await add_people(records, a_person())
    with pytest.raises(AlreadyExists) as caught:
        await add_people(records, person)
    assert caught.value.code == code
    assert await records.people.load(PRACTICE, PATIENT) == a_person(version=1)
    assert await records.people.by_email(a_person().email) == a_person(version=1)
    assert await listed(records) == [PATIENT]
    with pytest.raises(NotFound):
        await records.people.load(person.practice_id, "other")


async def test_what_a_refused_account_asked_for_stays_free(records: Records) -> None:
    await add_people(records, a_person())
    with pytest.raises(AlreadyExists):
        await add_people(records, a_person(id="second", email="free@example.health"))
    with pytest.raises(AlreadyExists):
        await add_people(records, a_person(id="second", number="111111111"))
    await add_people(
        records, a_person(id="second", email="free@example.health", number="111111111")
    )
    assert (await records.people.by_email("free@example.health")).id == "second"


async def test_an_e_mail_that_was_given_back_can_be_taken_again_and_again(records: Records) -> None:
    await add_people(records, a_person())
    for at in range(3):
        with pytest.raises(AlreadyExists, match="number_taken"):
            await add_people(records, a_person(id=f"other-{at}", email="free@example.health"))
    free = a_person(id="second", number="111111111", email="free@example.health")
    await add_people(records, free)
    with pytest.raises(AlreadyExists, match="email_taken"):
        await add_people(records, a_person(id="third", email="FREE@example.health"))
    assert await records.people.by_email("free@example.health") == replace(free, version=1)


async def test_who_gives_an_e_mail_back_late_takes_it_from_nobody(
    records: Records, clock: Clock
) -> None:
    emails, email = records.people.emails, a_person().email
    await commit(records, emails.write(email, EmailOwner(OTHER_PRACTICE, "late", clock())))
    late = await emails.load(email)
    assert late is not None
    await commit(records, emails.give_back(email, late, clock()))
    await add_people(records, a_person())
    with pytest.raises(Stale):
        await commit(records, emails.give_back(email, late, clock()))
    assert await records.people.by_email(email) == a_person(version=1)


async def test_that_an_e_mail_was_given_back_is_forgotten_after_a_while(
    records: Records, clock: Clock
) -> None:
    emails, email = records.people.emails, a_person().email
    await commit(records, emails.write(email, EmailOwner(OTHER_PRACTICE, "late", clock())))
    late = await emails.load(email)
    assert late is not None
    await commit(records, emails.give_back(email, late, clock()))
    clock.now += FREED_FOR
    assert await emails.load(email) is None
    await add_people(records, a_person())


async def test_another_practice_may_use_a_number_and_an_id_again(records: Records) -> None:
    theirs = a_person(practice_id=OTHER_PRACTICE, email="other@example.health")
    await add_people(records, a_person(), theirs)
    assert (await records.people.by_number(PRACTICE, theirs.number)).email == a_person().email
    assert (await records.people.by_number(OTHER_PRACTICE, theirs.number)).email == theirs.email


async def test_any_number_of_accounts_may_have_no_number(records: Records) -> None:
    await add_people(
        records, a_therapist(), a_therapist(id="second", email="alex.lebed2@example.health")
    )
    assert await listed(records) == ["second", THERAPIST]


async def test_of_those_who_take_an_e_mail_at_once_one_gets_it(
    records: Records, replica: Records
) -> None:
    people = [a_person(id=f"id-{at}", number=f"{at:09}") for at in range(6)]
    won, failed = await at_once(
        *(
            add_people(each, person)
            for each, person in zip([records, replica] * 3, people, strict=True)
        )
    )
    assert failed == [AlreadyExists] * 5
    assert await listed(records) == [people[won[0]].id]
    assert (await records.people.by_email(a_person().email)).id == people[won[0]].id
    for person in people:
        if person.id != people[won[0]].id:
            with pytest.raises(NotFound):
                await records.people.by_number(PRACTICE, person.number)


async def test_of_those_who_take_a_number_at_once_one_gets_it(
    records: Records, replica: Records
) -> None:
    people = [a_person(id=f"id-{at}", email=f"{at}@example.health") for at in range(6)]
    won, failed = await at_once(
        *(
            add_people(each, person)
            for each, person in zip([records, replica] * 3, people, strict=True)
        )
    )
    assert failed == [AlreadyExists] * 5
    assert (await records.people.by_number(PRACTICE, a_person().number)).id == people[won[0]].id
    for at, person in enumerate(people):
        if at not in won:
            await add_people(records, replace(person, number=f"{at:09}"))
    assert len(await listed(records)) == 6


async def test_the_e_mail_of_a_writer_that_died_is_free_again_after_a_while(
    records: Records, clock: Clock
) -> None:
    died = EmailOwner(OTHER_PRACTICE, "died", clock())
    await commit(records, records.people.emails.write(a_person().email, died))
    with pytest.raises(NotFound):
        await records.people.by_email(a_person().email)
    clock.now += EMAIL_SETTLES - SECOND
    with pytest.raises(AlreadyExists, match="email_taken"):
        await add_people(records, a_person())
    clock.now += SECOND
    await add_people(records, a_person())
    assert await records.people.by_email(a_person().email) == a_person(version=1)


async def test_a_writer_that_comes_back_goes_on_with_its_own_e_mail(
    records: Records, clock: Clock
) -> None:
    mine = EmailOwner(PRACTICE, PATIENT, clock())
    await commit(records, records.people.emails.write(a_person().email, mine))
    await add_people(records, a_person())
    assert await records.people.by_email(a_person().email) == a_person(version=1)


async def test_an_account_never_has_another_ones_address(records: Records, clock: Clock) -> None:
    await add_people(records, a_person())
    wrong = EmailOwner(PRACTICE, PATIENT, clock())
    await commit(records, records.people.emails.write("other@example.health", wrong))
    with pytest.raises(NotFound):
        await records.people.by_email("other@example.health")


# --- changes -------------------------------------------------------------------------------------


async def test_a_written_account_counts_its_version(records: Records) -> None:
    await add_people(records, a_person())
    changed = await save(records, a_person(full_name="Jordan Blanc", version=1))
    assert changed.version == 2
    assert await records.people.load(PRACTICE, PATIENT) == changed


@pytest.mark.parametrize("version", [1, 3])
async def test_writing_another_version_than_the_stored_one_is_stale(
    records: Records, version: int
) -> None:
    await add_people(records, a_person())
    stored = await save(records, a_person(version=1, picture_url="/new"))
    with pytest.raises(Stale):
        await save(records, a_person(version=version, full_name="Late"))
    assert await records.people.load(PRACTICE, PATIENT) == stored


async def test_writing_an_account_that_is_not_there_is_stale(records: Records) -> None:
    await add_people(records, a_person())
    for person in (a_therapist(version=1), a_person(practice_id=OTHER_PRACTICE, version=1)):
        with pytest.raises(Stale):
            await save(records, person)
        with pytest.raises(NotFound):
            await records.people.load(person.practice_id, person.id)


@pytest.mark.parametrize("changes", [{"email": "new@example.health"}, {"number": "111111111"}])
async def test_e_mail_and_number_never_change(records: Records, changes: dict[str, str]) -> None:
    await add_people(records, a_person())
    with pytest.raises(InvalidInput) as caught:
        await save(records, a_person(version=1, **changes))
    assert [caught.value.field] == list(changes)
    assert await records.people.load(PRACTICE, PATIENT) == a_person(version=1)


async def test_an_e_mail_may_change_its_case(records: Records) -> None:
    await add_people(records, a_person())
    await save(records, a_person(version=1, email="Jordan.White1@example.health"))
    found = await records.people.by_email("jordan.white1@example.health")
    assert found.email == "Jordan.White1@example.health"


async def test_of_those_who_change_an_account_at_once_one_does(
    records: Records, replica: Records
) -> None:
    await add_people(records, a_person())
    won, failed = await at_once(
        *(
            save(each, a_person(version=1, full_name=f"Number {at}"))
            for at, each in enumerate([records, replica] * 3)
        )
    )
    assert failed == [Stale] * 5
    assert (await replica.people.load(PRACTICE, PATIENT)).full_name == f"Number {won[0]}"


# --- lists and the search ------------------------------------------------------------------------


async def test_a_practice_has_its_own_people_in_order_of_their_ids_however_many(
    records: Records,
) -> None:
    count = MOST_ITEMS + 1
    people = [a_therapist(id=f"t{at:05}") for at in reversed(range(count))]
    await commit_many(records, *(records.people.new(each)[0] for each in people))
    await add_people(records, a_person(practice_id=OTHER_PRACTICE))
    assert await listed(records) == [f"t{at:05}" for at in range(count)]
    assert await listed(records, OTHER_PRACTICE) == [PATIENT]
    assert await listed(records, "missing") == []


async def test_the_search_finds_who_was_added_and_changed_by_the_time_that_is_done(
    records: Records,
    people_index: PeopleIndex,
    session_index: SessionIndex,
    clock: Clock,
) -> None:
    relay = OutboxRelay(
        records=records,
        doorbell=MemoryDoorbell(),
        session_index=session_index,
        people_index=people_index,
        session_events=MemorySessionEvents(),
        push=MemoryPushSender(),
        recordings=MemoryRecordings(),
        letters=ResetLetters(MemoryMail(), lambda: "secret"),
    )
    writer = Records(records.store, now=clock, new_id=records.new_id, deliver=relay.deliver)

    async def found(query: str) -> list[str]:
        entries = await people_index.search(PRACTICE, None, query, "", 10)
        return [entry.id for entry in entries]

    await add_people(writer, a_person(), a_therapist())
    with pytest.raises(AlreadyExists):
        await add_people(writer, a_person(id="other", email="other@example.health"))
    assert await found("jordan white") == await found("3948") == [PATIENT]
    assert await found("") == [PATIENT, THERAPIST]
    await save(writer, a_person(full_name="Jordan Blanc", version=1))
    assert await found("blanc") == [PATIENT]
    assert await found("jordan white") == []
    assert await records.outbox.pending(practice_partition(PRACTICE)) == ()


async def test_no_two_odd_ids_share_an_account_a_number_or_an_address(records: Records) -> None:
    odd = [each for each in ODD_IDS if each]  # nobody has the empty number
    people = [
        a_person(id=each, number=each, email=f"{at}@example.health") for at, each in enumerate(odd)
    ]
    await add_people(records, *people)
    for person in people:
        stored = replace(person, version=1)
        assert await records.people.load(PRACTICE, person.id) == stored
        assert await records.people.by_number(PRACTICE, person.number) == stored
        assert await records.people.by_email(person.email) == stored


async def test_addresses_differ_in_every_character_but_for_case(records: Records) -> None:
    addresses = {email_key(each): each for each in ODD_IDS}.values()
    for at, address in enumerate(addresses):
        await add_people(records, a_therapist(id=f"id-{at}", email=address))
    for at, address in enumerate(addresses):
        assert (await records.people.by_email(address)).id == f"id-{at}"


async def test_what_is_no_unicode_is_refused_without_quoting_it_and_keeps_nothing(
    records: Records,
) -> None:
    for person in (a_person(id=NO_UNICODE), a_person(full_name=NO_UNICODE)):
        with pytest.raises(InvalidInput) as caught:
            await add_people(records, person)
        assert "said" not in str(caught.value)
    assert await listed(records) == []
    await add_people(records, a_person(id="second"))
