"""What waits, one after the other, as a worker with one place comes to it."""

from collections.abc import AsyncIterator

from therapy.workflows.run_worker import RunWorker
from therapy.workflows.waiting_runs import first_waiting


async def waiting(worker: RunWorker) -> AsyncIterator[tuple[str, str]]:
    """Yield the practice and the id of the first session that waits, until none is left to be claimed."""
    seen = set[tuple[str, int]]()
    while runs := await first_waiting(worker.kinds, seen, records=worker.records):
        seen.add((runs[0].id, runs[0].version))
        yield runs[0].practice_id, runs[0].session_id
