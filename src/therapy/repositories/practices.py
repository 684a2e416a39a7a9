"""Practices: each in one partition with its accounts, and a list of all of them in another."""

from therapy.domain.errors import NotFound
from therapy.domain.partition_keys import key, part
from therapy.domain.people import Practice
from therapy.repositories.change import Pending
from therapy.repositories.repository import Repository

PRACTICE, PRACTICES = "practice", "practices"


def practice_partition(practice_id: str) -> str:
    """Return the partition of a practice and its accounts."""
    return key(PRACTICE, practice_id)


class Practices(Repository[Practice]):
    """Stores practices."""

    kind = PRACTICE
    struct = Practice

    async def load(self, practice_id: str) -> Practice:
        """Return a practice.

        Raises:
            NotFound: there is none.
        """
        practice = await self.get(practice_partition(practice_id), PRACTICE)
        if practice is None:
            raise NotFound(practice=practice_id)
        return practice

    async def all(self) -> tuple[Practice, ...]:
        """Return every practice of the installation, in order of their ids."""
        return await self.list_all(PRACTICES, "")

    def list_entry(self, practice: Practice) -> Pending:
        """Write the practice's entry in the list of all; commit it before the practice. Idempotent."""
        return self.put(PRACTICES, part(practice.id), practice)

    def write(self, practice: Practice) -> Pending:
        """Write a practice, new or changed. Idempotent."""
        return self.put(practice_partition(practice.id), PRACTICE, practice)
