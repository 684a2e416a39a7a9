"""What `repositories.people` and `repositories.access` promise of what is read together, in one request."""

import pytest

from tests.builders import (
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    a_login,
    a_person,
    a_practice,
    a_therapist,
)
from tests.repositories.changes import add_people, commit
from therapy.domain.credentials import Credentials
from therapy.domain.errors import NotFound
from therapy.repositories.records import Records


async def test_an_account_is_loaded_with_its_practice(records: Records) -> None:
    practice = a_practice()
    await add_people(records, a_person())
    await commit(records, records.practices.write(practice))
    both = (a_person(version=1), practice)
    assert await records.people.load_with_practice(PRACTICE, PATIENT) == both
    assert await records.people.by_email_with_practice(a_person().email.upper()) == both


async def test_an_account_without_a_practice_is_not_found_with_it(records: Records) -> None:
    await add_people(records, a_person())
    with pytest.raises(NotFound):
        await records.people.load_with_practice(PRACTICE, PATIENT)
    with pytest.raises(NotFound):
        await records.people.by_email_with_practice(a_person().email)


async def test_an_account_that_is_missing_is_not_found_with_its_practice(records: Records) -> None:
    await add_people(records, a_person())
    await commit(records, records.practices.write(a_practice()))
    for call in (
        records.people.load_with_practice(PRACTICE, "missing"),
        records.people.load_with_practice(OTHER_PRACTICE, PATIENT),
        records.people.by_email_with_practice("nobody@example.health"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_an_address_that_was_freed_is_nobodys_practice_either(records: Records) -> None:
    person, emails = a_person(), records.people.emails
    await add_people(records, person)
    await commit(records, records.practices.write(a_practice()))
    owner = await emails.load(person.email)
    assert owner is not None
    await commit(records, emails.give_back(person.email, owner, records.now()))
    with pytest.raises(NotFound):
        await records.people.by_email_with_practice(person.email)


@pytest.mark.parametrize("probably", [PATIENT, "other", "missing"])
async def test_whose_number_it_probably_is_changes_nothing(records: Records, probably: str) -> None:
    other = a_person(id="other", number="111111111", email="other@example.health")
    await add_people(records, a_person(), other, a_therapist())
    found = await records.people.by_number(PRACTICE, a_person().number, probably)
    assert found == a_person(version=1)
    for nobodys in ("000000000", ""):
        with pytest.raises(NotFound):
            await records.people.by_number(PRACTICE, nobodys, probably)


async def test_a_login_is_loaded_with_its_persons_credentials(records: Records) -> None:
    await commit(records, records.logins.write(a_login()))
    none_stored = Credentials(PRACTICE, PATIENT)
    both = await records.access.load_login(PRACTICE, PATIENT, "login-1")
    assert both == (a_login(version=1), none_stored)
    stored = Credentials(PRACTICE, PATIENT, epoch=2, password_hash="a hash")
    await commit(records, records.credentials.write(stored))
    _, credentials = await records.access.load_login(PRACTICE, PATIENT, "login-1")
    assert (credentials.epoch, credentials.version) == (2, 1)
    for owner in ((PRACTICE, "other", "login-1"), (PRACTICE, PATIENT, "login-2")):
        with pytest.raises(NotFound):
            await records.access.load_login(*owner)
