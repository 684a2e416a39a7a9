"""Authentication: signing in, and staying signed in while a login is alive (passwords: `new_passwords`).

Tokens are stored as SHA-256 hashes only. A refresh token can be used once; it carries the ids of its login
and its number in the login's family. Presented again within the grace period, because the answer was lost,
it gets the same answer. Any other spent token of the family is a replay and ends the login; a forged one
does not.

A login belongs to the epoch of the credentials that the password was checked with, and is written only if
these are unchanged: a new password leaves nothing alive, not even what was being checked when it was set.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.credentials import Credentials, current_hash, is_alive
from therapy.domain.errors import NotFound, NotSignedIn, TryAgain
from therapy.domain.login_tokens import (
    RefreshToken,
    parse_refresh_token,
    token_hash,
    token_of,
    was_issued,
)
from therapy.domain.people import Login, Person, Practice, email_key
from therapy.ports.passwords import Passwords
from therapy.ports.tokens import Tokens
from therapy.repositories.change import Change
from therapy.repositories.known_addresses import KnownAddresses
from therapy.repositories.records import Records
from therapy.workflows.attempts import AttemptCounter
from therapy.workflows.end_of_access import end_login
from therapy.workflows.retry_stale import retry_stale

MOST_CHECKS = 5
"""How often a password is checked, or hashed, again because the credentials changed meanwhile."""

NOBODY = "-"
"""Whose account and credentials are asked for where an address has no account, so that it takes as long."""


class Account(NamedTuple):
    """What is read of a person who signs in."""

    person: Person
    practice: Practice
    credentials: Credentials


@dataclass(frozen=True)
class SignIn:
    """What authentication needs besides records; `new_secret` returns an unguessable text."""

    passwords: Passwords
    tokens: Tokens
    new_secret: Callable[[], str]
    attempts: AttemptCounter
    refresh_lifetime: timedelta = timedelta(days=30)
    refresh_grace: timedelta = timedelta(seconds=30)


class SignedIn(Struct, frozen=True):
    """The result of a login or a refresh; `expires_in` is in seconds, for the access token."""

    person: Person
    access_token: str
    refresh_token: str
    expires_in: int


async def log_in(
    email: str, password: str, *, address: str = "", records: Records, sign_in: SignIn
) -> SignedIn:
    """Sign a person in from an address. It takes the same time whether or not there is such an account.

    Raises:
        NotSignedIn: there is no such account, it is disabled, or the password is wrong.
        TooManyAttempts: too many were wrong, of this account or from this address; none was tried now.
        Unavailable: too many passwords wait to be tried (`busy`); or a dependency can't be reached.
    """

    async def attempt() -> tuple[SignedIn, KnownAddresses]:
        # Repeated if the credentials change while the password is checked.
        account, known = await _with_password(
            email, password, address, records=records, sign_in=sign_in
        )
        return await _new_login(account, records=records, sign_in=sign_in), known

    signed_in, known = await retry_stale(attempt, most=MOST_CHECKS)
    with suppress(TryAgain):  # the login is written; the address is remembered another time
        await sign_in.attempts.remember(email, address, known, records=records)
    return signed_in


async def _with_password(
    email: str, password: str, address: str, *, records: Records, sign_in: SignIn
) -> tuple[Account, KnownAddresses]:
    """Return the account with this address and password, and from where it was signed in to before."""
    async with sign_in.attempts.sign_in(email, address, records=records) as attempt:
        account = await _account(email, records=records)
        hashed = current_hash(account.person, account.credentials) if account else ""
        right = await sign_in.passwords.verify(password, hashed)
        if account is None or account.credentials.disabled or not right:
            raise NotSignedIn("wrong_credentials")
        attempt.counts = False
        return account, attempt.known


async def _account(email: str, *, records: Records) -> Account | None:
    """Return the account with this address; None, after reading as much, if there is none."""
    owner = await records.people.emails.load(email)
    ids = (owner.practice_id, owner.person_id) if owner and owner.person_id else (NOBODY, NOBODY)
    found, credentials = await asyncio.gather(
        _person_and_practice(*ids, records=records), records.credentials.load(*ids)
    )
    if found is None or email_key(found[0].email) != email_key(email):
        return None
    return Account(*found, credentials)


async def _person_and_practice(
    practice_id: str, person_id: str, *, records: Records
) -> tuple[Person, Practice] | None:
    try:
        return await records.people.load_with_practice(practice_id, person_id)
    except NotFound:
        return None


async def _new_login(account: Account, *, records: Records, sign_in: SignIn) -> SignedIn:
    """Write a new login of a person and return its tokens.

    Raises:
        Stale: the credentials have changed since they were read.
    """
    person, practice, credentials = account
    login, token = _first_token(person, credentials.epoch, records=records, sign_in=sign_in)
    written = records.logins.write(login), records.credentials.unchanged(credentials)
    await Change(*written).commit(records.store)
    return _signed_in(person, practice, login.sid, token, records=records, sign_in=sign_in)


def _first_token(
    person: Person, epoch: int, *, records: Records, sign_in: SignIn
) -> tuple[Login, str]:
    """Return a login and its first refresh token."""
    now = records.now()
    login = Login(
        sid=records.new_id(),
        practice_id=person.practice_id,
        person_id=person.id,
        refresh_hash="",
        created_at=now,
        rotated_at=now,
        expires_at=now + sign_in.refresh_lifetime,
        epoch=epoch,
        family=sign_in.new_secret(),
    )
    token = token_of(login, 1, sign_in.tokens.keyed_hash)
    return replace(login, refresh_hash=token_hash(token)), token


def _signed_in(
    person: Person,
    practice: Practice,
    sid: str,
    refresh: str,
    *,
    records: Records,
    sign_in: SignIn,
) -> SignedIn:
    actor = Actor(person.id, person.role, person.practice_id, sid, practice.language)
    token, seconds = sign_in.tokens.issue(actor, now=records.now())
    return SignedIn(person, token, refresh, seconds)


async def refresh(token: str, *, address: str = "", records: Records, sign_in: SignIn) -> SignedIn:
    """Exchange a refresh token for the next one and a new access token.

    Raises:
        NotSignedIn: the token is unknown, expired, or was used before.
        TooManyAttempts: it is one of these, and so were too many of this account or from this address.
    """

    async def attempt() -> SignedIn:
        # Repeated if the same token is presented twice at once: both get the same answer.
        return await _refresh(token, records=records, sign_in=sign_in)

    try:
        return await retry_stale(attempt)
    except NotSignedIn:
        parsed = parse_refresh_token(token)
        account = f"{parsed.practice_id}|{parsed.person_id}" if parsed else ""
        await sign_in.attempts.wrong_token(account, address)
        raise


async def _refresh(token: str, *, records: Records, sign_in: SignIn) -> SignedIn:
    parsed, presented, now = parse_refresh_token(token), token_hash(token), records.now()
    try:
        login, credentials = await _login_of(parsed, presented, records=records)
        # Only now, so that a token that was made up costs one request.
        person, practice = await records.people.load_with_practice(
            login.practice_id, login.person_id
        )
    except NotFound:
        raise NotSignedIn from None
    if not is_alive(login, credentials, now):
        await end_login(login, records=records)
        raise NotSignedIn("token_expired" if now >= login.expires_at else "")
    next_token = _next_token(token, login, parsed, sign_in=sign_in)
    if presented == login.refresh_hash:
        after = _rotated(login, presented, token_hash(next_token), now)
        await Change(records.logins.write(after)).commit(records.store)
    elif not _is_repeat(login, presented, now, sign_in.refresh_grace):
        if parsed is None or was_issued(parsed, login, sign_in.tokens.keyed_hash):
            await end_login(login, records=records)
        raise NotSignedIn
    return _signed_in(person, practice, login.sid, next_token, records=records, sign_in=sign_in)


async def _login_of(
    parsed: RefreshToken | None, presented: str, *, records: Records
) -> tuple[Login, Credentials]:
    """Return the login that a token belongs to, and its person's credentials.

    A token of the older form is found by its pointer.

    Raises:
        NotFound: there is none, or no longer.
    """
    if parsed is not None:
        return await records.access.load_login(parsed.practice_id, parsed.person_id, parsed.sid)
    pointer = await records.logins.old_tokens.load(presented)
    if pointer is None:
        raise NotFound
    return await records.access.load_login(pointer.practice_id, pointer.person_id, pointer.sid)


def _next_token(token: str, login: Login, parsed: RefreshToken | None, *, sign_in: SignIn) -> str:
    """Return the token after this one: always the same, so that a lost answer can be repeated.

    If an older program has issued it already, it has the older form: a bare secret, or one that follows from
    the token before.
    """
    number = parsed.number if parsed else _number_of_old(login, token_hash(token))
    secret = sign_in.tokens.secret_after(token)
    after = RefreshToken(login.practice_id, login.person_id, login.sid, number + 1, secret)
    for issued_before in (secret, str(after)):
        if token_hash(issued_before) == login.refresh_hash:
            return issued_before
    return token_of(login, number + 1, sign_in.tokens.keyed_hash) if login.family else str(after)


def _number_of_old(login: Login, presented: str) -> int:
    """Return the number of a token of the older form, which carries none."""
    return login.counter if presented == login.refresh_hash else login.counter - 1


def _rotated(login: Login, presented: str, next_hash: str, now: datetime) -> Login:
    return replace(
        login,
        refresh_hash=next_hash,
        previous_hash=presented,
        rotated_at=now,
        counter=login.counter + 1,
    )


def _is_repeat(login: Login, presented: str, now: datetime, grace: timedelta) -> bool:
    """Return whether this is the token used last, presented again within the grace period."""
    return presented == login.previous_hash and now <= login.rotated_at + grace
