"""Runs that wait for a worker, in the order in which they are to be begun."""

from collections.abc import Collection, Sequence

from therapy.domain.run import Run, RunKind, claimable
from therapy.ports.store import LAST_MOMENT
from therapy.repositories.records import Records
from therapy.repositories.runs import run_queue

PAGE, MOST_PAGES = 20, 50
"""How many runs are looked at together, and how often, to find the first that may be claimed."""


async def first_waiting(
    kinds: Collection[RunKind], seen: Collection[tuple[str, int]] = (), *, records: Records
) -> Sequence[Run]:
    """Return the first runs of these kinds that may be claimed, but for those seen before (id and version).

    There are some unless none is left. What could not be claimed stays, and is to be counted as seen.

    Raises:
        Unavailable: the store can't be reached.
    """
    last = None
    queues = [run_queue(kind) for kind in RunKind if kind in kinds]
    for _ in range(MOST_PAGES):
        page = await records.store.due(queues, LAST_MOMENT, PAGE, last)
        now = records.now()
        readable = filter(None, map(records.runs.read_if_readable, page))
        found = [each for each in readable if claimable(each, now)]
        if fresh := [each for each in found if (each.id, each.version) not in seen]:
            return fresh
        if len(page) < PAGE:
            break
        last = page[-1]
    return ()
