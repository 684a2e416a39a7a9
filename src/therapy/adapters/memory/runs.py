"""Runs in memory."""

from datetime import datetime

from msgspec.structs import replace

from therapy.adapters.memory.shelf import MemoryShelf
from therapy.domain import codec
from therapy.domain.errors import LeaseLost
from therapy.domain.run import Run, RunRef, claimable
from therapy.ports.runs import Runs


class MemoryRuns(Runs):
    """Looks at all runs to find the due ones, which only a fake may."""

    def __init__(self, shelf: MemoryShelf) -> None:
        self._shelf = shelf

    async def of_session(self, practice_id: str, session_id: str) -> tuple[Run, ...]:
        partition = self._shelf.partitions.get((practice_id, session_id))
        stored = partition.runs.values() if partition else ()
        runs = [codec.decode(Run, each) for each in stored]
        return tuple(sorted(runs, key=lambda run: (run.created_at, run.id)))

    async def save(self, practice_id: str, run: Run) -> Run:
        partition = self._shelf.partitions.get((practice_id, run.session_id))
        stored = partition.runs.get(run.id) if partition else None
        if partition is None or stored is None:
            raise LeaseLost(run=run.id)
        if codec.decode(Run, stored).version != run.version:
            raise LeaseLost(run=run.id)
        written = replace(run, version=run.version + 1)
        partition.runs[run.id] = codec.encode(written)
        return written

    async def due(self, now: datetime, limit: int) -> tuple[RunRef, ...]:
        found = []
        for (practice_id, session_id), partition in self._shelf.partitions.items():
            for stored in partition.runs.values():
                run = codec.decode(Run, stored)
                if claimable(run, now):
                    found.append((run.due_at, RunRef(practice_id, session_id, run.id)))
        return tuple(ref for _, ref in sorted(found, key=lambda each: each[0])[: max(0, limit)])
