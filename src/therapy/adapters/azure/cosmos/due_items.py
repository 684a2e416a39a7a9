"""Items that are due, across all partitions: found through the hints, in the order that the port promises.

The hints are walked in order of their moments, a page at a time, and each partition is queried once for its
items that are due. As no hint is later than what it announces, the search ends as soon as enough was found
that is due before every hint still to come.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from therapy.adapters.azure.cosmos.container_requests import Container
from therapy.adapters.azure.cosmos.container_requests import Item as Document
from therapy.adapters.azure.cosmos.document import LIVING, due_beyond
from therapy.adapters.azure.cosmos.due_hints import DueHints
from therapy.adapters.azure.cosmos.keys import END, stamp
from therapy.adapters.azure.cosmos.queries import among
from therapy.domain.errors import TherapyError
from therapy.ports.store import Item

AT_ONCE = 8
"""How many partitions are queried at the same time."""

Read = Callable[[Sequence[Document]], Awaitable[Sequence[Item]]]
"""Turns documents into items."""

log = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """What to look for: what is due by `now` (a stamp) in these queues, beyond `after`."""

    queues: Collection[str]
    now: str
    limit: int
    after: Item | None


class DueItems:
    """Finds what is due, and replaces hints that announce nothing any more."""

    def __init__(
        self, items: Container, hints: DueHints, now: Callable[[], datetime], read: Read
    ) -> None:
        self._items = items
        self._hints = hints
        self._now = now
        self._read = read

    async def find(self, wanted: Wanted) -> tuple[Item, ...]:
        """Return what is wanted, in order of (due_at, partition, id)."""
        walk = self._hints.walk(wanted.queues, wanted.now, wanted.limit)
        found: list[tuple[str, str, str, Item]] = []
        asked: set[str] = set()
        while walk.going_on:
            hints = await walk.next_page()
            fresh = {partition: own for partition, own in hints.items() if partition not in asked}
            asked.update(fresh)
            found += [_placed(item) for item in await self._ask(fresh, wanted)]
            found = sorted(found, key=itemgetter(0, 1, 2))[: wanted.limit]
            if len(found) == wanted.limit and found[-1][0] < walk.frontier:
                break
        return tuple(item for *_, item in found)

    async def _ask(self, hints: Mapping[str, Sequence[Document]], wanted: Wanted) -> list[Item]:
        """Return what is due in the partitions that these hints are about."""
        places = asyncio.Semaphore(AT_ONCE)

        async def ask(partition: str, own: Sequence[Document]) -> Sequence[Item]:
            async with places:
                try:
                    return await self._look(partition, own, wanted)
                except TherapyError as exc:
                    log.warning("a partition's due items are left out", extra={"code": exc.code})
                    return []

        answers = await asyncio.gather(*(ask(*each) for each in hints.items()))
        return [item for answer in answers for item in answer]

    async def _look(
        self, partition: str, hints: Sequence[Document], wanted: Wanted
    ) -> Sequence[Item]:
        names, queues = among(wanted.queues)
        found = await self._items.query(
            partition,
            f"c.due > @beyond AND c.due < @end AND c.queue IN {names} AND {LIVING}",
            select="*",
            order="c.due",
            limit=wanted.limit,
            beyond=due_beyond(partition, wanted.after),
            end=wanted.now + END,
            living=stamp(self._now()),
            **queues,
        )
        now = min(wanted.now, stamp(self._now()))
        if not found:
            await self._clean(partition, self._hints.settled(hints), wanted.now)
        elif found[0]["due"] > now + END:  # who searches the future finds something sooner or later
            passed = [hint for hint in hints if hint["at"] < now + END]
            await self._clean(partition, self._hints.settled(passed), now)
        return await self._read(found)

    async def _clean(self, partition: str, hints: Sequence[Document], now: str) -> None:
        """Replace settled hints if nothing is due in their partition, in any queue.

        What has just expired counts, too: a process whose clock is behind may be about to extend it.
        """
        if not hints:
            return
        pending = await self._items.query(
            partition,
            f'c.due > "" AND {LIVING}',
            select="c.due",
            order="c.due",
            limit=1,
            living=stamp(self._now() - self._hints.settle),
        )
        at = pending[0]["due"].partition("-")[0] if pending else ""
        if not at or at > now:
            await self._hints.replace(partition, hints, at)


def _placed(item: Item) -> tuple[str, str, str, Item]:
    return stamp(item.due_at) if item.due_at else "", item.partition, item.id, item
