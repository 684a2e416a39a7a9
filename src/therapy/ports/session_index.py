"""Session index: the lists of sessions and the search in them."""

from abc import ABC, abstractmethod
from collections.abc import Collection

from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus


class SessionIndex(ABC):
    """Keeps one entry per session, listed by therapist and by linked patient.

    Every list is in descending order of `SessionEntry.sort_key`. `before` is such a key: only entries
    after it in that order are returned ("" = from the newest). `limit` is at most MOST_ENTRIES (500).
    Entries are returned without their `words`, which only the search uses.
    """

    @abstractmethod
    async def put(self, practice_id: str, entry: SessionEntry) -> None:
        """Write a session's entry, unless the stored one has a greater `sequence`. Idempotent.

        An entry whose therapist, patient or state changes disappears from the lists it was in.
        """

    @abstractmethod
    async def remove(self, practice_id: str, session_id: str) -> None:
        """Remove a session from every list for good: a later `put` is ignored. Idempotent."""

    @abstractmethod
    async def get(self, practice_id: str, session_id: str) -> SessionEntry:
        """Return a session's entry.

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
        """Return a therapist's sessions that are in one of these states (no states: none)."""

    @abstractmethod
    async def of_patient(
        self, practice_id: str, person_id: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        """Return the closed sessions that are linked to a patient's account."""

    @abstractmethod
    async def search(
        self, practice_id: str, therapist_id: str, query: str, before: str, limit: int
    ) -> tuple[SessionEntry, ...]:
        """Return a therapist's closed sessions for which `session_entry.found(entry, query)` is true."""
