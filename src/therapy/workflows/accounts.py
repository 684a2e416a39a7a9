"""Accounts: adding people, the practices that they join, and who of them is real and who of the demo."""

from contextlib import suppress
from datetime import date, timedelta

from msgspec.structs import replace

from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Stale
from therapy.domain.outbox import PersonEntryChanged
from therapy.domain.people import (
    Person,
    Practice,
    Role,
    check_email,
    check_name,
    check_number,
    check_password,
    same_name,
)
from therapy.ports.passwords import Passwords
from therapy.repositories.change import Change
from therapy.repositories.people import EmailOwner
from therapy.repositories.records import Records

FIRST_PRACTICE = "Practice"

EMAIL_SETTLES = timedelta(seconds=60)
"""How long an address stays taken without an account: its writer may have died before writing one."""


async def add_account(
    practice: Practice,
    role: Role,
    *,
    email: str,
    full_name: str,
    password: str,
    number: str = "",
    date_of_birth: date | None = None,
    records: Records,
    passwords: Passwords,
) -> Person:
    """Add an account; a patient needs a nine-digit number, a therapist has none.

    Raises:
        InvalidInput: a field is missing, malformed or, for the password, too weak; names it.
        AlreadyExists: the e-mail or the number is in use.
    """
    address, name = check_email(email), check_name(full_name)
    if role is Role.PATIENT:
        number = check_number(number)
    elif number:
        raise InvalidInput("number")
    is_common = await passwords.is_common(password)
    check_password(password, email=address, is_common=is_common, field="password")
    person = Person(
        id=records.new_id(),
        practice_id=practice.id,
        role=role,
        email=address,
        full_name=name,
        password_hash=await passwords.hash(password),
        created_at=records.now(),
        number=number,
        date_of_birth=date_of_birth,
    )
    return await add_person(person, records=records)


async def add_person(person: Person, *, records: Records) -> Person:
    """Write a new account and return it as written.

    The address is taken first, then the account is written. A process that dies in between leaves an
    address without an account; it is free again after EMAIL_SETTLES.

    Raises:
        AlreadyExists: the e-mail (in any practice), the number (in this one) or the id is taken; code
            `email_taken`, `number_taken` or `already_exists`. Nothing was written.
    """
    change = Change(
        *records.people.new(person)
    )  # first, so that what can't be stored takes no address
    await _take_email(person, records=records)
    try:
        await records.commit(person.practice_id, change, PersonEntryChanged(person.id))
    except AlreadyExists:
        await _give_email_back(person, records=records)
        raise
    return replace(person, version=1)


async def _take_email(person: Person, *, records: Records) -> None:
    emails, now = records.people.emails, records.now()
    mine = EmailOwner(person.practice_id, person.id, now)
    try:
        await Change(emails.write(person.email, mine)).commit(records.store)
    except AlreadyExists:
        owner = await emails.load(person.email)
        if owner is not None:
            ours = (owner.practice_id, owner.person_id) == (person.practice_id, person.id)
            free = not owner.person_id or now - owner.at >= EMAIL_SETTLES
            if await records.people.owner_of(person.email, owner) or not (ours or free):
                raise
        mine = replace(mine, version=owner.version if owner else 0)
        await Change(emails.write(person.email, mine)).commit(records.store)


async def _give_email_back(person: Person, *, records: Records) -> None:
    owner = await records.people.emails.load(person.email)
    mine = person.practice_id, person.id
    if owner is None or (owner.practice_id, owner.person_id) != mine:
        return
    if await records.people.owner_of(person.email, owner) is None:
        with suppress(Stale):  # someone else has taken it
            freed = records.people.emails.give_back(person.email, owner, records.now())
            await Change(freed).commit(records.store)


async def put_practice(practice: Practice, *, records: Records) -> None:
    """Write a practice, new or changed. Idempotent."""
    await Change(records.practices.list_entry(practice)).commit(records.store)
    await Change(records.practices.write(practice)).commit(records.store)


async def practice_to_join(name: str, language: str, *, records: Records) -> Practice:
    """Return the practice of that name, created if there is none; without a name, the only practice.

    A practice that has only demo accounts is joined by its name only, and one without accounts, e.g. of a
    mistyped name, is not counted beside one with accounts.

    Raises:
        InvalidInput: there are several practices and no name.
    """
    known = await records.practices.all()
    named = [each for each in known if same_name(each.name, name)]
    if named:
        return await written_practice(named[0], records=records)
    if not name:
        demo = {each.id: await _demo(each, records=records) for each in known}
        real = [each for each in known if not (demo[each.id] and all(demo[each.id]))]
        likely = [each for each in real if demo[each.id]] or real
        if len(likely) == 1:
            return await written_practice(likely[0], records=records)
        if likely:
            raise InvalidInput("practice", "required")
    practice = Practice(records.new_id(), name.strip() or FIRST_PRACTICE, language)
    await put_practice(practice, records=records)
    return practice


async def written_practice(planned: Practice, *, records: Records) -> Practice:
    """Return the practice with this id as it is stored; write it as planned if it is not there.

    E.g. if whoever made it died after listing it. What was set since then stays.
    """
    try:
        return await records.practices.load(planned.id)
    except NotFound:
        await put_practice(planned, records=records)
        return planned


async def _demo(practice: Practice, *, records: Records) -> list[bool]:
    """Return for each account of a practice whether it is a demo account."""
    return [person.demo async for person in records.people.of_practice(practice.id)]


async def real_people(*, records: Records) -> int:
    """Return the number of accounts, in all practices, that are not demo accounts."""
    return sum(
        [
            1
            for practice in await records.practices.all()
            async for person in records.people.of_practice(practice.id)
            if not person.demo
        ]
    )
