"""Hints about what is due, across all partitions: a small index that is never wrong for long.

A batch covers only one partition, so a commit and its entry here can't be one write. Therefore an entry is
only a hint, announced BEFORE the commit ("from this moment on something in these queues may be due in this
partition") and never changed afterwards:

- A commit announces, then writes. If it dies in between, the hint points to nothing and is removed.
- It must announce whatever becomes due earlier than before, or in another queue. Postponing an item or
  ending it needs no announcement.
- So for everything that is due there is a hint with its queue that is no later. A search walks the hints of
  its queues in order and queries each one's partition for what is really due.
- If the moment of a hint has come and nothing is due in its partition, in any queue, it is replaced by one
  for the partition's next moment, if there is one; unless it is younger than `settle`: then its commit may
  still be under way. The new hint has the queues of those that it replaces, because this program may know
  fewer queues than the one that announced them. Only hints that were read are replaced, so no announcement
  is lost.
"""

import asyncio
import secrets
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

from therapy.adapters.azure.cosmos.batch_steps import MOST_STEPS, Step
from therapy.adapters.azure.cosmos.commit import Announcement
from therapy.adapters.azure.cosmos.container_requests import Container, Item
from therapy.adapters.azure.cosmos.keys import END, key, shard
from therapy.adapters.azure.cosmos.queries import among

SHARDS = 2
"""Partitions over which the hints are spread; two handle some hundred commits a second. Never lower it."""

LEAST_PAGE = 10

FIELDS = "c.id, c.pk, c.at, c.partition, c.queues, c._ts"


class DueHints:
    """Reads and writes the hints."""

    def __init__(self, hints: Container, settle: timedelta) -> None:
        self._hints = hints
        self.settle = settle

    async def announce(self, partition: str, announcement: Announcement) -> None:
        """Write a hint about what may be due in a partition."""
        step = _creation(partition, announcement)
        await self._hints.create(place_of(partition), step.item_id, step.fields)

    def walk(self, queues: Collection[str], now: str, size: int) -> "Walk":
        """Return a walk over the hints of these queues up to `now`, in pages of about `size`."""
        return Walk(self._hints, queues, now, max(LEAST_PAGE, -(-size // SHARDS)))

    def settled(self, hints: Sequence[Item]) -> list[Item]:
        """Return the hints whose commits have ended, one way or the other; as many as `replace` takes.

        `_ts` is by Cosmos's clock: ours may be ahead by as much as `settle` exceeds the longest commit.
        """
        latest = time.time() - self.settle.total_seconds()
        return [hint for hint in hints if hint["_ts"] <= latest][: MOST_STEPS - 1]

    async def replace(self, partition: str, hints: Sequence[Item], at: str) -> None:
        """Replace these settled hints by one for the moment `at` ("" = by none).

        Nothing happens if someone else has replaced one of them meanwhile.
        """
        steps = [Step("delete", hint["id"]) for hint in hints]
        if at:
            queues = frozenset(queue for hint in hints for queue in hint["queues"])
            steps.append(_creation(partition, Announcement(queues, at)))
        await self._hints.batch(place_of(partition), steps)


class Walk:
    """Goes through hints in order of their moments, a page of each part of the index at a time."""

    def __init__(self, hints: Container, queues: Collection[str], now: str, size: int) -> None:
        self._hints = hints
        names, self._queues = among(queues)
        self._named = f"EXISTS(SELECT VALUE q FROM q IN c.queues WHERE q IN {names})"  # noqa: S608 - names only
        self._end = now + END
        self._size = size
        self._last: dict[str, str] = {part_of_index(number): "" for number in range(SHARDS)}

    @property
    def going_on(self) -> bool:
        """Whether there may be more hints."""
        return bool(self._last)

    @property
    def frontier(self) -> str:
        """The earliest stamp that a hint not returned yet can have."""
        return min(self._last.values(), default=self._end).partition("-")[0]

    async def next_page(self) -> dict[str, list[Item]]:
        """Return the next page of each part of the index, by the partition that a hint is about."""
        pages = await asyncio.gather(*(self._page(pk, last) for pk, last in self._last.items()))
        found: dict[str, list[Item]] = {}
        for pk, page in zip(tuple(self._last), pages, strict=True):
            if len(page) < self._size:
                del self._last[pk]
            else:
                self._last[pk] = page[-1]["at"]
            for hint in page:
                found.setdefault(hint["partition"], []).append(hint)
        return found

    async def _page(self, pk: str, last: str) -> list[Item]:
        return await self._hints.query(
            pk,
            f"c.at > @last AND c.at < @end AND {self._named}",
            select=FIELDS,
            order="c.at",
            limit=self._size,
            last=last,
            end=self._end,
            **self._queues,
        )


def part_of_index(number: int) -> str:
    """Return the name of one of the partitions in which hints are stored."""
    return key("due", str(number))


def place_of(partition: str) -> str:
    """Return the name of the partition in which the hints about `partition` are stored."""
    return part_of_index(shard(partition, SHARDS))


def _creation(partition: str, announcement: Announcement) -> Step:
    name = f"{announcement.at}-{secrets.token_hex(8)}"
    fields = {"at": name, "partition": partition, "queues": sorted(announcement.queues)}
    return Step("create", name, fields)
