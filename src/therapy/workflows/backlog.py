"""How much work waits and since when: what says whether there are enough workers.

The list in Redis does not: rings are taken as soon as they come. Here the runs themselves are counted, so a
lost ring, a crashed worker or a flushed Redis changes nothing. Insights and
playback are counted by themselves: no session waits for them, and they have places of their own in a worker,
but without a worker nobody makes them.
"""

from collections.abc import AsyncIterator
from datetime import datetime

from msgspec import Struct

from therapy.domain.run import Run, RunKind, RunState, claimable
from therapy.ports.store import LAST_MOMENT, MOST_ITEMS
from therapy.repositories.records import Records
from therapy.repositories.runs import AWAITED_QUEUES, RUN_QUEUES, run_queue

MOST_COUNTED = 1_000
"""Runs that are counted; more than so many need no figure to be too many."""


class Backlog(Struct, frozen=True):
    """Runs that wait for a worker, and that a worker is on; the seconds since the oldest that waits was made.

    `waiting` includes what is tried again after a failure or a worker's death, even if its pause is not over.
    `insights` are the runs that look for insights, whether a worker is on them or not; `playback` those that
    make what players play.
    """

    waiting: int = 0
    working: int = 0
    oldest_seconds: float = 0.0
    insights: int = 0
    playback: int = 0

    @property
    def in_all(self) -> int:
        """Runs that are not done: what the number of workers may follow without ending one at work."""
        return self.waiting + self.working + self.insights + self.playback


async def backlog(records: Records) -> Backlog:
    """Return the backlog; beyond MOST_COUNTED runs, that of those due longest.

    Raises:
        Unavailable: the store can't be reached.
    """
    now = records.now()
    waiting, working, oldest = 0, 0, now
    beside = dict.fromkeys(RUN_QUEUES, 0)
    async for queue, run in _unfinished(records):
        if queue not in AWAITED_QUEUES:
            beside[queue] += 1
        elif run is not None and _at_work(run, now):
            working += 1
        else:
            waiting += 1
            oldest = min(oldest, run.created_at if run is not None else now)
    return Backlog(
        waiting,
        working,
        round((now - oldest).total_seconds(), 1),
        beside[run_queue(RunKind.INSIGHTS)],
        beside[run_queue(RunKind.PLAYBACK)],
    )


async def _unfinished(records: Records) -> AsyncIterator[tuple[str, Run | None]]:
    """Yield every run that is not over, after its queue; None for one that only a newer program can read."""
    counted, last = 0, None
    while counted < MOST_COUNTED:
        page = await records.store.due(RUN_QUEUES, LAST_MOMENT, MOST_ITEMS, last)
        for item in page:
            yield item.queue, records.runs.read_if_readable(item)
        counted += len(page)
        if len(page) < MOST_ITEMS:
            return
        last = page[-1]


def _at_work(run: Run, now: datetime) -> bool:
    """Return whether a worker's lease on the run has not ended."""
    return run.state is RunState.CLAIMED and not claimable(run, now)
