"""Unique keys: what must be unique although it lives in no one partition, e.g. a recording's fingerprint."""

from datetime import datetime

from msgspec import Struct

from therapy.domain.errors import AlreadyExists, Stale
from therapy.domain.partition_keys import key as name
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

KEY = "key"


class UniqueKey(Struct, frozen=True, omit_defaults=True):
    """Whose a key is: `value` is "" once it was freed. It is forgotten at `expires_at`; None = never."""

    practice_id: str
    key: str
    value: str
    expires_at: datetime | None = None
    version: int = 0


class UniqueKeys(Repository[UniqueKey]):
    """Keeps values under keys; the first to take a key has it until it is freed or expires.

    A key is freed by writing, never by deleting it: who still holds an old version of it can't match.
    """

    kind = "key"
    struct = UniqueKey

    def expires_at(self, record: UniqueKey) -> datetime | None:
        return record.expires_at

    async def load(self, practice_id: str, key: str) -> UniqueKey | None:
        """Return who has a key, or had it (`value` is ""); None if it was never taken, or has expired."""
        return await self.get(name(practice_id, key), KEY)

    def take(self, taken: UniqueKey) -> Pending:
        """Take a key that is free: new (version 0), or freed and as it was read; else AlreadyExists."""
        partition = name(taken.practice_id, taken.key)
        return self.save(partition, KEY, taken, taken.version, AlreadyExists(kind=KEY))

    def hand_over(self, held: UniqueKey, value: str) -> Pending:
        """Give a key to another value, if it is as it was read; else Stale."""
        return self._rewrite(UniqueKey(held.practice_id, held.key, value, held.expires_at), held)

    def free(self, held: UniqueKey, *, until: datetime) -> Pending:
        """Free a key that is as it was read, else Stale; what is left of it is forgotten at `until`."""
        return self._rewrite(UniqueKey(held.practice_id, held.key, "", until), held)

    def _rewrite(self, record: UniqueKey, held: UniqueKey) -> Pending:
        partition = name(held.practice_id, held.key)
        return self.replace(partition, KEY, record, held.version, Stale(kind=KEY))
