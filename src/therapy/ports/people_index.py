"""People index: the search over the people of a practice."""

from abc import ABC, abstractmethod

from therapy.domain.people import Role
from therapy.domain.person_entry import PersonEntry


class PeopleIndex(ABC):
    """Keeps one entry per account; the accounts themselves are records of the store."""

    @abstractmethod
    async def put(self, practice_id: str, entry: PersonEntry) -> None:
        """Write a person's entry, unless the stored one has a greater `sequence`. Idempotent.

        Raises:
            Unavailable: the index can't be reached.
        """

    @abstractmethod
    async def remove(self, practice_id: str, person_id: str) -> None:
        """Remove a person from the search for good: a later `put` is ignored. Idempotent.

        Raises:
            Unavailable: the index can't be reached.
        """

    @abstractmethod
    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[PersonEntry, ...]:
        """Return the people of a role (None = any) for whom `person_entry.person_found` is true.

        The query "" finds all. In order of `PersonEntry.sort_key`; `after` is `"<folded name>|<id>"` of
        the last one on the previous page ("" = from the first). At most `limit`, itself at most
        MOST_PEOPLE. Entries that only a newer program can read are kept, skipped and not counted.

        Raises:
            Unavailable: the index can't be reached.
        """
