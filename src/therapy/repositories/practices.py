"""Practices: each in one partition with its accounts, and a list of all of them in another."""

from typing import NamedTuple

from therapy.domain.errors import NotFound, Stale
from therapy.domain.partition_keys import key, part
from therapy.domain.people import Practice
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

PRACTICE, PRACTICES = "practice", "practices"


def practice_partition(practice_id: str) -> str:
    """Return the partition of a practice and its accounts."""
    return key(PRACTICE, practice_id)


class StoredPractice(NamedTuple):
    """A practice and the version that its item has."""

    practice: Practice
    version: int


class Practices(Repository[Practice]):
    """Stores practices."""

    kind = PRACTICE
    struct = Practice

    async def load(self, practice_id: str) -> Practice:
        """Return a practice.

        Raises:
            NotFound: there is none.
        """
        return (await self.load_with_version(practice_id)).practice

    async def load_with_version(self, practice_id: str) -> StoredPractice:
        """Return a practice and its version, to change it.

        Raises:
            NotFound: there is none.
        """
        partition = practice_partition(practice_id)
        item = (await self._store.get(partition, PRACTICE)).get(PRACTICE)
        if item is None or item.kind != self.kind:
            raise NotFound(practice=practice_id)
        return StoredPractice(self.read(item), item.version)

    async def all(self) -> tuple[Practice, ...]:
        """Return every practice of the installation, in order of their ids."""
        return await self.list_all(PRACTICES, "")

    def list_entry(self, practice: Practice) -> Pending:
        """Write the practice's entry in the list of all; commit it before the practice. Idempotent."""
        return self.put(PRACTICES, part(practice.id), practice)

    def write(self, practice: Practice) -> Pending:
        """Write a practice, new or changed. Idempotent."""
        return self.put(practice_partition(practice.id), PRACTICE, practice)

    def change(self, practice: Practice, version: int) -> Pending:
        """Replace a practice that has this version; else Stale."""
        stale = Stale(practice=practice.id)
        return self.replace(practice_partition(practice.id), PRACTICE, practice, version, stale)
