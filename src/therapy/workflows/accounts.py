"""Giving people accounts: which practice they join, and who is there already."""

from collections.abc import AsyncIterator
from datetime import date

from therapy.domain.errors import InvalidInput, Unavailable
from therapy.domain.people import (
    Person,
    Practice,
    Role,
    check_email,
    check_number,
    check_password,
    same_name,
)
from therapy.domain.text_folding import fold
from therapy.ports.people import MOST_PEOPLE, SupportsPractices
from therapy.workflows.desk import Desk

FIRST_PRACTICE = "Practice"
LONGEST_NAME = 200


async def enrol(
    practice: Practice,
    role: Role,
    *,
    email: str,
    full_name: str,
    password: str,
    number: str = "",
    date_of_birth: date | None = None,
    desk: Desk,
) -> Person:
    """Add an account; a patient needs a nine-digit number, a therapist has none.

    Raises:
        InvalidInput: names the field that is missing, malformed or too weak.
        AlreadyExists: the e-mail or the number is somebody's.
    """
    address, name = check_email(email), full_name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput("name", "required" if not name else "too_long")
    if role is Role.PATIENT:
        number = check_number(number)
    elif number:
        raise InvalidInput("number")
    check_password(password, email=address, field="password")
    person = Person(
        id=desk.new_id(),
        practice_id=practice.id,
        role=role,
        email=address,
        full_name=name,
        password_hash=await desk.passwords.hash(password),
        created_at=desk.now(),
        number=number,
        date_of_birth=date_of_birth,
    )
    return await desk.people.add(practice.id, person)


async def practice_to_join(name: str, language: str, *, desk: Desk) -> Practice:
    """Find the practice of that name, or make it; without a name, the only one that there is.

    A practice of demo accounts is joined only by its name.

    Raises:
        InvalidInput: there are several, and no name says which.
    """
    known = await practices(desk=desk)
    named = [each for each in known if same_name(each.name, name)]
    if named:
        return named[0]
    if not name:
        real = [each for each in known if not await only_demo(each, desk=desk)]
        if len(real) == 1:
            return real[0]
        if real:
            raise InvalidInput("practice", "required")
    practice = Practice(desk.new_id(), name.strip() or FIRST_PRACTICE, language)
    await desk.people.put_practice(practice.id, practice)
    return practice


async def practices(*, desk: Desk) -> tuple[Practice, ...]:
    """List the practices of this installation.

    Raises:
        Unavailable: this store can't list them.
    """
    if not isinstance(desk.people, SupportsPractices):
        raise Unavailable(what="practices")
    return await desk.people.practices()


async def everybody(practice: Practice, *, desk: Desk) -> AsyncIterator[Person]:
    """Yield every account of a practice, in order of their names."""
    after = ""
    while True:
        page = await desk.people.search(practice.id, None, "", after, MOST_PEOPLE)
        for person in page:
            yield person
        if len(page) < MOST_PEOPLE:
            return
        after = f"{fold(page[-1].full_name)}|{page[-1].id}"


async def only_demo(practice: Practice, *, desk: Desk) -> bool:
    """Tell whether a practice has accounts, and nobody real among them."""
    marks = [person.demo async for person in everybody(practice, desk=desk)]
    return bool(marks) and all(marks)


async def real_people(*, desk: Desk) -> int:
    """Count the accounts that are not marked as demo; a session is as real as its therapist."""
    return sum(
        [
            1
            for practice in await practices(desk=desk)
            async for person in everybody(practice, desk=desk)
            if not person.demo
        ]
    )
