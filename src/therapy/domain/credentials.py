"""Credentials: the password of a person, whether they may sign in, and the epoch of their logins."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.partition_keys import digest
from therapy.domain.people import Login, Person

MOST_REPLACED = 8
"""How many earlier passwords are known as replaced."""


class Credentials(Struct, frozen=True, omit_defaults=True):
    """What a person's logins depend on; every login of an epoch before `epoch` has ended.

    An account without credentials has epoch 0 and the password hash of its `Person`. Here `password_hash` is
    the newest one, and `replaces` has the SHA-256 of those before, the last of which `Person` may still have
    for a moment. If `Person` has any other, that is the newest: an older program has written it.
    """

    practice_id: str
    person_id: str
    epoch: int = 0
    disabled: bool = False
    password_hash: str = ""
    replaces: tuple[str, ...] = ()
    version: int = 0

    def __repr__(self) -> str:
        return f"Credentials({self.person_id!r}, epoch={self.epoch}, disabled={self.disabled})"


def current_hash(person: Person, credentials: Credentials) -> str:
    """Return the hash of a person's password."""
    outdated = digest(person.password_hash) in credentials.replaces
    return credentials.password_hash if outdated else person.password_hash


def with_password(hashed: str, person: Person, credentials: Credentials) -> Credentials:
    """Return credentials with a new password, under the next epoch."""
    before = (credentials.password_hash, person.password_hash)
    replaces = dict.fromkeys((*credentials.replaces, *(digest(each) for each in before if each)))
    return replace(
        credentials,
        epoch=credentials.epoch + 1,
        password_hash=hashed,
        replaces=tuple(replaces)[-MOST_REPLACED:],
    )


def disabled(credentials: Credentials) -> Credentials:
    """Return credentials that nobody can sign in with, under the next epoch."""
    return replace(credentials, epoch=credentials.epoch + 1, disabled=True)


def is_alive(login: Login, credentials: Credentials, now: datetime) -> bool:
    """Return whether a login of the person is neither expired nor of an earlier epoch."""
    return login.epoch >= credentials.epoch and now < login.expires_at
