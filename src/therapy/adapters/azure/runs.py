"""Runs in Cosmos DB, found through the index of what is due."""

from datetime import datetime

from msgspec.structs import replace

from therapy.adapters.azure.cosmos import partition
from therapy.adapters.azure.cosmos.change import due_earlier
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS
from therapy.adapters.azure.cosmos.due import DueIndex
from therapy.adapters.azure.cosmos.errors import contended
from therapy.domain.errors import LeaseLost
from therapy.domain.run import Run, RunRef
from therapy.ports.runs import Runs


class CosmosRuns(Runs):
    """Runs of all sessions."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.sessions
        self._due = DueIndex(cosmos)

    async def of_session(self, practice_id: str, session_id: str) -> tuple[Run, ...]:
        pk = partition.of_session(practice_id, session_id)
        found = await self._container.query(pk, "c.kind = 'run'", select="c.body")
        runs = [partition.read_body(Run, each) for each in found]
        return tuple(sorted(runs, key=lambda run: (run.created_at, run.id)))

    async def save(self, practice_id: str, run: Run) -> Run:
        pk = partition.of_session(practice_id, run.session_id)
        saved = replace(run, version=run.version + 1)
        for _ in range(ATTEMPTS):
            stored = await self._container.read(pk, partition.run_id(run.id))
            if stored is None or stored["version"] != run.version:
                raise LeaseLost(run=run.id)
            if due_earlier(run, stored):
                await self._due.announce(practice_id, run.session_id, runs=(run.due_at,))
            if await self._container.replace(stored, partition.run_fields(saved)):
                return saved
        raise contended()

    async def due(self, now: datetime, limit: int) -> tuple[RunRef, ...]:
        found = await self._due.find(now, limit, "runs")
        return tuple(RunRef(each.practice_id, each.session_id, each.name) for each in found)
