"""Unique keys: for what must be unique across partitions, e.g. a recording's fingerprint."""

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
    """A key and its `value`, "" once it was freed. It is forgotten at `expires_at` (None = never).

    `practice_id` and `key` say where it is stored and are not part of the body.
    """

    practice_id: str
    key: str
    value: str
    expires_at: datetime | None = None
    version: int = 0


class UniqueKeys(Repository[KeyOwner]):
    """Stores values under keys; whoever takes a key first has it until it is freed or expires.

    A key is freed by writing it, never by deleting it, so that an old version never matches again.
    """

    kind = "key"
    struct = KeyOwner

    def expires_at(self, record: KeyOwner) -> datetime | None:
        return record.expires_at

    async def load(self, practice_id: str, key: str) -> UniqueKey | None:
        """Return a key, also a freed one (`value` is ""); None if it was never taken, or has expired."""
        owner = await self.get(name(practice_id, key), KEY)
        if owner is None:
            return None
        return UniqueKey(practice_id, key, owner.value, owner.expires_at, owner.version)

    def take(self, taken: UniqueKey) -> Pending:
        """Take a key that is new (version 0), or freed and unchanged since read; else AlreadyExists."""
        partition = name(taken.practice_id, taken.key)
        owner = KeyOwner(taken.value, taken.expires_at)
        return self.save(partition, KEY, owner, taken.version, AlreadyExists(kind=KEY))

    def hand_over(self, taken: UniqueKey, value: str) -> Pending:
        """Change a key's value if it is unchanged since it was read; else Stale."""
        return self._rewrite(KeyOwner(value, taken.expires_at), taken)

    def free(self, taken: UniqueKey, *, until: datetime) -> Pending:
        """Free a key that is unchanged since it was read, else Stale; it is forgotten at `until`."""
        return self._rewrite(KeyOwner("", until), taken)

    def _rewrite(self, record: KeyOwner, taken: UniqueKey) -> Pending:
        partition = name(taken.practice_id, taken.key)
        return self.replace(partition, KEY, record, taken.version, Stale(kind=KEY))
