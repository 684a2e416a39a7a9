"""Logins: a person's sign-ins, in one partition with the person's reset tokens and devices.

A refresh token names its login, so it is not looked up by its hash. Tokens of the older form, which
carried no ids, are found by a pointer that the migration wrote, for as long as they could live: 30 days.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from therapy.domain.errors import NotFound, Stale
from therapy.domain.partition_keys import key, part
from therapy.domain.people import Login
from therapy.ports.store import Store
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

KEPT_AFTER_EXPIRY = timedelta(days=1)
"""How long an expired login is kept, so that the answer is "expired" and not "unknown"."""

TOKEN = "token"  # noqa: S105 - the name of a kind


def access_partition(practice_id: str, person_id: str) -> str:
    """Return the partition of a person's logins, reset tokens and devices."""
    return key("signed-in", practice_id, person_id)


class OldToken(Struct, frozen=True):
    """Where the login, or the reset, of a token of the older form is."""

    practice_id: str
    person_id: str
    sid: str
    expires_at: datetime


class OldTokens(Repository[OldToken]):
    """Stores pointers by the hash of a token; only the migration writes them."""

    kind = TOKEN
    struct = OldToken

    def expires_at(self, record: OldToken) -> datetime | None:
        return record.expires_at

    async def load(self, token_hash: str) -> OldToken | None:
        """Return where the token with this hash leads; None if it has no pointer."""
        return await self.get(key(TOKEN, token_hash), TOKEN)

    def write(self, token_hash: str, token: OldToken) -> Pending:
        """Write a pointer. Idempotent."""
        return self.put(key(TOKEN, token_hash), TOKEN, token)


class Logins(Repository[Login]):
    """Stores logins, with hashes of tokens only."""

    kind = "login"
    struct = Login

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.old_tokens = OldTokens(store)
        self.on_end: list[Callable[[Login], None]] = []
        """Called, in this process, with every login that it has ended."""

    def expires_at(self, record: Login) -> datetime | None:
        return record.expires_at + KEPT_AFTER_EXPIRY

    async def load(self, practice_id: str, person_id: str, sid: str) -> Login:
        """Return a login.

        Raises:
            NotFound: this person has no login with that id, or no longer.
        """
        login = await self.get(access_partition(practice_id, person_id), login_id(sid))
        if login is None:
            raise NotFound(login=sid)
        return login

    async def of_person(self, practice_id: str, person_id: str) -> tuple[Login, ...]:
        """Return a person's logins, in order of their ids."""
        return await self.list_all(access_partition(practice_id, person_id), "login-")

    def write(self, login: Login) -> Pending:
        """Write a login that is new (version 0) or unchanged since it was read; else Stale."""
        partition = access_partition(login.practice_id, login.person_id)
        return self.save(
            partition, login_id(login.sid), login, login.version, Stale(login=login.sid)
        )

    def unchanged(self, login: Login) -> Pending:
        """Refuse the commit, with Stale, if the login has ended or changed since it was read."""
        partition = access_partition(login.practice_id, login.person_id)
        return self.check(partition, login_id(login.sid), login.version)

    def end(self, login: Login) -> Pending:
        """Delete a login, even if it has changed since it was read. Idempotent."""
        return self.delete(
            access_partition(login.practice_id, login.person_id), login_id(login.sid)
        )

    def have_ended(self, *logins: Login) -> None:
        """Tell who wants to know that these logins have ended: what `end` returned is committed."""
        for login in logins:
            for told in self.on_end:
                told(login)


def login_id(sid: str) -> str:
    """Return the id of a login's item."""
    return f"login-{part(sid)}"
