"""Runs: work on sessions, each in its session's partition and due in the queue of its kind."""

from collections.abc import Mapping, Sequence

from therapy.domain.errors import LeaseLost
from therapy.domain.partition_keys import part
from therapy.domain.run import Run, RunKind
from therapy.domain.session_status import IN_TURN_KINDS
from therapy.ports.store import MOST_PARTITIONS, SupportsListMany
from therapy.repositories.change import Pending
from therapy.repositories.repository import Due, Repository
from therapy.repositories.sessions import session_partition


def run_queue(kind: RunKind) -> str:
    """Return the queue in which runs of a kind wait."""
    return f"run.{kind.value}"


RUN_QUEUES = tuple(run_queue(kind) for kind in RunKind)
"""The queues of the kinds that this program knows: other work is never fetched."""

AWAITED_QUEUES = tuple(run_queue(kind) for kind in RunKind if kind in IN_TURN_KINDS)
"""The queues of the kinds that somebody waits for."""


class Runs(Repository[Run]):
    """Stores runs; a lease is lost once `Run.version` has changed."""

    kind = "run"
    struct = Run

    def due(self, record: Run) -> Due | None:
        return None if record.over else Due(run_queue(record.kind), record.due_at)

    async def of_session(self, practice_id: str, session_id: str) -> tuple[Run, ...]:
        """Return a session's runs of known kinds, by `created_at`, then id; () if the session is absent."""
        runs = await self.list_all(session_partition(practice_id, session_id), "run-")
        return tuple(sorted(runs, key=lambda run: (run.created_at, run.id)))

    async def of_sessions(
        self, sessions: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], Sequence[Run]] | None:
        """Return the runs of known kinds of sessions (practice id, id) that have some, in few reads.

        None if the store can't do that: then they are read session by session.

        Raises:
            Unavailable: the store can't be reached, or a run is damaged.
        """
        if not isinstance(self._store, SupportsListMany):
            return None
        found: dict[tuple[str, str], list[Run]] = {}
        for at in range(0, len(sessions), MOST_PARTITIONS):
            partitions = [session_partition(*each) for each in sessions[at : at + MOST_PARTITIONS]]
            for run in self.known(await self._store.list_many(partitions, "run-")):
                found.setdefault((run.practice_id, run.session_id), []).append(run)
        return found

    def write(self, run: Run) -> Pending:
        """Write a run that is new (version 0) or unchanged since it was read; else LeaseLost.

        A worker claims a run by writing it as claimed: if two try, one gets LeaseLost.
        """
        partition = session_partition(run.practice_id, run.session_id)
        lost = LeaseLost(run=run.id)
        return self.save(partition, f"run-{part(run.id)}", run, run.version, lost)
