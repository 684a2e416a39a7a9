"""Unique keys: what must be unique although it lives in no one partition, e.g. a recording's fingerprint."""

from datetime import datetime

from msgspec import Struct

from therapy.domain.errors import AlreadyExists, Stale
from therapy.domain.partition_keys import key as name
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

KEY = "key"


class KeyOwner(Struct, frozen=True, omit_defaults=True):
    """What is stored under a key."""

    value: str
    expires_at: datetime | None = None
    version: int = 0


class UniqueKey(Struct, frozen=True):
    """Whose a key is: `value` is "" once it was freed. It is forgotten at `expires_at`; None = never.

    Practice and key are where it is kept, and not in what is kept.
    """

    practice_id: str
    key: str
    value: str
    expires_at: datetime | None = None
    version: int = 0


class UniqueKeys(Repository[KeyOwner]):
    """Keeps values under keys; the first to take a key has it until it is freed or expires.

    A key is freed by writing, never by deleting it: who still holds an old version of it can't match.
    """

    kind = "key"
    struct = KeyOwner

    def expires_at(self, record: KeyOwner) -> datetime | None:
        return record.expires_at

    async def load(self, practice_id: str, key: str) -> UniqueKey | None:
        """Return who has a key, or had it (`value` is ""); None if it was never taken, or has expired."""
        owner = await self.get(name(practice_id, key), KEY)
        if owner is None:
            return None
        return UniqueKey(practice_id, key, owner.value, owner.expires_at, owner.version)

    def take(self, taken: UniqueKey) -> Pending:
        """Take a key that is free: new (version 0), or freed and as it was read; else AlreadyExists."""
        partition = name(taken.practice_id, taken.key)
        owner = KeyOwner(taken.value, taken.expires_at)
        return self.save(partition, KEY, owner, taken.version, AlreadyExists(kind=KEY))

    def hand_over(self, held: UniqueKey, value: str) -> Pending:
        """Give a key to another value, if it is as it was read; else Stale."""
        return self._rewrite(KeyOwner(value, held.expires_at), held)

    def free(self, held: UniqueKey, *, until: datetime) -> Pending:
        """Free a key that is as it was read, else Stale; what is left of it is forgotten at `until`."""
        return self._rewrite(KeyOwner("", until), held)

    def _rewrite(self, record: KeyOwner, held: UniqueKey) -> Pending:
        partition = name(held.practice_id, held.key)
        return self.replace(partition, KEY, record, held.version, Stale(kind=KEY))
