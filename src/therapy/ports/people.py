"""People: practices and their accounts."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from therapy.domain.people import Person, Practice, Role

MOST_PEOPLE = 500
"""What one search answers with at the most."""


class People(ABC):
    """Keeps practices and accounts. An e-mail is unique over all practices, a number within one."""

    @abstractmethod
    async def put_practice(self, practice_id: str, practice: Practice) -> None:
        """Write a practice, new or changed. Idempotent."""

    @abstractmethod
    async def practice(self, practice_id: str) -> Practice:
        """Give a practice.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    async def add(self, practice_id: str, person: Person) -> Person:
        """Add an account; it comes back with `version` 1.

        Raises:
            AlreadyExists: the e-mail (by `email_key`, in any practice), the number (in this
                practice, if it is not "") or the id is taken; code `email_taken`, `number_taken`
                or `already_exists`. Nothing was written.
        """

    @abstractmethod
    async def save(self, practice_id: str, person: Person) -> Person:
        """Replace an account that still has the `version` it was read with; give it with + 1.

        Raises:
            InvalidInput: the e-mail (but for case) or the number is another one; they never change.
            Stale: somebody else wrote it since, or it is not there. Nothing was written.
        """

    @abstractmethod
    async def person(self, practice_id: str, person_id: str) -> Person:
        """Give an account by its id.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def by_number(self, practice_id: str, number: str) -> Person:
        """Give an account by its nine-digit number.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def by_email(self, email: str) -> Person:
        """Give an account by its e-mail in any case: the one look-up before a practice is known.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    async def search(
        self, practice_id: str, role: Role | None, query: str, after: str, limit: int
    ) -> tuple[Person, ...]:
        """List accounts of a role (None = any) whose name, e-mail or number contains the query.

        Compared as `text_folding.fold` folds; "" lists all. In order of `fold(full_name)`, then id; `after`
        is `"<folded name>|<id>"` of the last one seen ("" = from the first). `limit` is at most 500.
        """


@runtime_checkable
class SupportsPractices(Protocol):
    """Optional: stores of installations with a handful of practices, which operators list and seed."""

    async def practices(self) -> tuple[Practice, ...]:
        """List every practice, in order of their ids."""
