"""Runs: work on sessions, found by when it is due."""

from abc import ABC, abstractmethod
from datetime import datetime

from therapy.domain.run import Run, RunRef


class Runs(ABC):
    """Keeps runs. They are made by `Sessions.commit`; the lease is what `save` guards."""

    @abstractmethod
    async def of_session(self, practice_id: str, session_id: str) -> tuple[Run, ...]:
        """Give a session's runs by `created_at`, then id; none for a session that is not there."""

    @abstractmethod
    async def save(self, practice_id: str, run: Run) -> Run:
        """Replace a run that still has the `version` it was read with; give it with `version` + 1.

        Claiming is saving a claimed run: of two workers that try, one gets LeaseLost.

        Raises:
            LeaseLost: somebody else wrote it since, or it is not there. Nothing was written.
        """

    @abstractmethod
    async def due(self, now: datetime, limit: int) -> tuple[RunRef, ...]:
        """Give up to `limit` runs of any practice that are not over and due by `now`, longest due first.

        Found through an index of what is due, never by a look at all runs.
        """
