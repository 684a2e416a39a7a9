"""Rows: what lists and searches are answered from."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from therapy.domain.listing import Row
from therapy.domain.status import ApiState


class Rows(ABC):
    """Keeps one row per session, listed by therapist and by linked patient.

    Every list is in descending order of `Row.sort_key`. `before` is such a key: only rows after it
    in that order are given ("" = from the newest). `limit` is at most 500. Rows are given without
    their `words`, which only the search looks at.
    """

    @abstractmethod
    async def put(self, practice_id: str, row: Row) -> None:
        """Write a session's row, unless the stored one has a greater `sequence`. Idempotent.

        A row that changes therapist, patient or state leaves no trace in the lists it was in.
        """

    @abstractmethod
    async def remove(self, practice_id: str, session_id: str) -> None:
        """Take a session out of every list, for good: a `put` that comes late is ignored. Idempotent."""

    @abstractmethod
    async def get(self, practice_id: str, session_id: str) -> Row:
        """Give a session's row.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[ApiState],
        before: str,
        limit: int,
    ) -> tuple[Row, ...]:
        """List a therapist's sessions in one of these states (no states = none)."""

    @abstractmethod
    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[Row, ...]:
        """List the closed sessions that are linked to a patient's account."""

    @abstractmethod
    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[Row, ...]:
        """List a therapist's closed sessions for which `listing.found(row, query)` holds."""
