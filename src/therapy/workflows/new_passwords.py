"""New passwords: set with a mailed token, or by an operator; either ends all access of before.

A token is good for one new password. Only its SHA-256 is stored.
"""

from msgspec.structs import replace

from therapy.domain.credentials import with_password
from therapy.domain.errors import InvalidInput, NotFound
from therapy.domain.login_tokens import parse_reset_token, token_hash
from therapy.domain.people import Person, Reset, check_password
from therapy.repositories.access import Access
from therapy.repositories.records import Records
from therapy.workflows.authentication import MOST_CHECKS, SignIn
from therapy.workflows.end_of_access import end_all
from therapy.workflows.retry_stale import retry_stale


async def change_password(
    token: str, password: str, *, address: str = "", records: Records, sign_in: SignIn
) -> None:
    """Set a new password with a mailed token; all of the person's logins and devices end.

    A password that is too weak does not use the token up. An interrupted call can be repeated with the
    same password.

    Raises:
        InvalidInput: the token is unknown, used or expired, or the password is too weak.
        TooManyAttempts: so were too many tokens of this account or from this address.
    """

    async def attempt() -> None:
        await _change_password(token, password, records=records, sign_in=sign_in)

    try:
        await retry_stale(attempt, most=MOST_CHECKS)
    except NotFound:
        parsed = parse_reset_token(token)
        account = f"{parsed.practice_id}|{parsed.person_id}" if parsed else ""
        await sign_in.attempts.wrong_token(account, address)
        raise InvalidInput("tokenSec", "reset_token") from None


async def _change_password(token: str, password: str, *, records: Records, sign_in: SignIn) -> None:
    """Change the password, or do nothing if this call has done it before; NotFound: not with this token."""
    reset = await _reset_of(token, records=records)
    person = await records.people.load(reset.practice_id, reset.person_id)
    is_common = await sign_in.passwords.is_common(password)
    check_password(password, email=person.email, is_common=is_common)
    access = await records.access.load(reset.practice_id, reset.person_id)
    if reset.used:
        await _require_repeat(reset, password, access, sign_in=sign_in)
        return
    if access.credentials.disabled:
        raise NotFound
    hashed = await sign_in.passwords.hash(password)
    used = records.reset_tokens.write(replace(reset, used=True, password_hash=hashed))
    after = with_password(hashed, person, access.credentials)
    await end_all(access, after, used, records=records)


async def _require_repeat(reset: Reset, password: str, access: Access, *, sign_in: SignIn) -> None:
    """Raise NotFound unless a used token has set the password that the person still has, and this is it."""
    still = reset.password_hash == access.credentials.password_hash
    if not (still and await sign_in.passwords.verify(password, reset.password_hash)):
        raise NotFound


async def _reset_of(token: str, *, records: Records) -> Reset:
    """Return the presented reset token, used or not.

    Raises:
        NotFound: there is none, or no longer.
    """
    parsed, presented = parse_reset_token(token), token_hash(token)
    if parsed is not None:
        owner = parsed.practice_id, parsed.person_id
    else:
        pointer = await records.logins.old_tokens.load(presented)
        if pointer is None:
            raise NotFound
        owner = pointer.practice_id, pointer.person_id
    reset = await records.reset_tokens.find(*owner, presented)
    if reset is None:
        raise NotFound
    return reset


async def set_password(person: Person, hashed: str, *, records: Records) -> None:
    """Write a person's new password hash and, in the same commit, the end of all their access before it."""

    async def attempt() -> None:
        before = await records.people.load(person.practice_id, person.id)
        access = await records.access.load(person.practice_id, person.id)
        after = with_password(hashed, before, access.credentials)
        await end_all(access, after, records=records)

    await retry_stale(attempt)
