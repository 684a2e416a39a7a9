"""Entries: what lists and searches are answered from."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus


class SessionIndex(ABC):
    """Keeps one entry per session, listed by therapist and by linked patient.

    Every list is in descending order of `SessionEntry.sort_key`. `before` is such a key: only entries
    after it in that order are given ("" = from the newest). `limit` is at most 500. Entries are given without
    their `words`, which only the search looks at.
    """

    @abstractmethod
    async def put(self, practice_id: str, entry: SessionEntry) -> None:
        """Write a session's entry, unless the stored one has a greater `sequence`. Idempotent.

        An entry that changes therapist, patient or state leaves no trace in the lists it was in.
        """

    @abstractmethod
    async def remove(self, practice_id: str, session_id: str) -> None:
        """Take a session out of every list, for good: a `put` that comes late is ignored. Idempotent."""

    @abstractmethod
    async def get(self, practice_id: str, session_id: str) -> SessionEntry:
        """Give a session's entry.

        Raises:
            NotFound: there is none in this practice.
        """

    @abstractmethod
    async def of_therapist(
        self,
        practice_id: str,
        therapist_id: str,
        states: Collection[SessionStatus],
        before: str,
        limit: int,
    ) -> tuple[SessionEntry, ...]:
        """List a therapist's sessions in one of these states (no states = none)."""

    @abstractmethod
    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        """List the closed sessions that are linked to a patient's account."""

    @abstractmethod
    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        """List a therapist's closed sessions for which `session_entry.found(entry, query)` holds."""
