"""Account changes that an operator makes: another name, a new password, nobody may sign in any more."""

from msgspec.structs import replace

from therapy.domain.credentials import disabled
from therapy.domain.outbox import PersonEntryChanged
from therapy.domain.people import Person, check_name, check_password
from therapy.ports.passwords import Passwords
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.workflows.end_of_access import end_all
from therapy.workflows.new_passwords import set_password
from therapy.workflows.retry_stale import retry_stale


async def rename(email: str, name: str, *, records: Records) -> Person:
    """Give the account with this address another name; return it as it is then. Idempotent.

    Sessions keep the name that their therapist had, and what was entered as their patient's.

    Raises:
        InvalidInput: the name is blank or too long.
        NotFound: no account has this address.
    """
    name = check_name(name)

    async def attempt() -> Person:
        before = await records.people.by_email(email)
        after = replace(before, full_name=name)
        if after != before:
            change = Change(records.people.write(before, after))
            await records.commit(before.practice_id, change, PersonEntryChanged(before.id))
        return after

    return await retry_stale(attempt)


async def reset_password(
    email: str, password: str, *, records: Records, passwords: Passwords
) -> Person:
    """Set the password of the account with this address; its logins, reset tokens and devices end.

    Raises:
        InvalidInput: the password is too weak, or very many people have it.
        NotFound: no account has this address.
    """
    person = await records.people.by_email(email)
    is_common = await passwords.is_common(password)
    check_password(password, email=person.email, is_common=is_common, field="password")
    await set_password(person, await passwords.hash(password), records=records)
    return person


async def disable(email: str, *, records: Records) -> Person:
    """Disable an account: nobody signs in to it, and all of its logins, reset tokens and devices end.

    Nothing of it is deleted. Idempotent.

    Raises:
        NotFound: no account has this address.
    """
    person = await records.people.by_email(email)

    async def attempt() -> None:
        access = await records.access.load(person.practice_id, person.id)
        await end_all(access, disabled(access.credentials), records=records)

    await retry_stale(attempt)
    return person


async def enable(email: str, *, records: Records) -> Person:
    """Let a disabled account sign in again, with the password that it had; what has ended stays so.

    Idempotent.

    Raises:
        NotFound: no account has this address.
    """
    person = await records.people.by_email(email)

    async def attempt() -> None:
        credentials = await records.credentials.load(person.practice_id, person.id)
        if credentials.disabled:
            enabled = replace(credentials, disabled=False)
            await Change(records.credentials.write(enabled)).commit(records.store)

    await retry_stale(attempt)
    return person
