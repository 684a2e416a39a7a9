"""Hints of what is due, over all partitions: a small index that is never wrong for long.

A batch reaches one partition only, so a commit and its entry here can't be one write. Therefore an entry
is only a hint, announced BEFORE the commit ("from this moment on something of these queues may be due in
this partition") and never changed afterwards:

- A commit announces, then writes. If it dies in between, the hint points to nothing and is cleaned.
- It must announce whatever gets due earlier than before, or in another queue. What puts an item off or
  ends it needs no announcement.
- So of everything that is due, some hint of its queue is no later. Whoever asks walks the hints of its
  queues in order and asks each one's partition what is really due.
- Hints that have come up and in whose partition nothing is due, in no queue at all, are replaced by one
  for the next moment of that partition, if there is any; unless younger than `settle`: then the commit
  may still be on its way. It has the queues of those that it replaces, because a program may know fewer
  queues than the one that announced. No hint but those that were looked at is touched, so that no
  announcement is lost.
"""

import asyncio
import secrets
import time
from collections.abc import Collection, Sequence
from datetime import timedelta

from therapy.adapters.azure.cosmos.commit import Announcement
from therapy.adapters.azure.cosmos.container import MOST_STEPS, Container, Item, Step, among
from therapy.adapters.azure.cosmos.keys import END, key, shard

SHARDS = 2
"""Partitions over which the hints are spread; two take some hundred commits a second. Never lower it."""

LEAST_PAGE = 10

FIELDS = "c.id, c.pk, c.at, c.partition, c.queues, c._ts"


class DueHints:
    """The hints."""

    def __init__(self, hints: Container, settle: timedelta) -> None:
        self._hints = hints
        self.settle = settle

    async def announce(self, partition: str, announcement: Announcement) -> None:
        """Say what may be due in a partition."""
        step = _creation(partition, announcement)
        await self._hints.create(place_of(partition), step.item_id, step.fields)

    def walk(self, queues: Collection[str], now: str, size: int) -> "Walk":
        """Walk the hints of these queues that have come up by `now`, pages of about `size`."""
        return Walk(self._hints, queues, now, max(LEAST_PAGE, -(-size // SHARDS)))

    def settled(self, hints: Sequence[Item]) -> list[Item]:
        """Return those whose commits are over, one way or the other; as many as `replace` takes.

        `_ts` is Cosmos' clock: ours may be ahead of it by as much as `settle` exceeds what a commit may take.
        """
        latest = time.time() - self.settle.total_seconds()
        return [hint for hint in hints if hint["_ts"] <= latest][: MOST_STEPS - 1]

    async def replace(self, partition: str, hints: Sequence[Item], at: str) -> None:
        """Put one hint for the moment `at`, "" for none, in the place of these settled ones.

        Nothing happens if somebody else has replaced one of them meanwhile.
        """
        steps = [Step("delete", hint["id"]) for hint in hints]
        if at:
            queues = frozenset(queue for hint in hints for queue in hint["queues"])
            steps.append(_creation(partition, Announcement(queues, at)))
        await self._hints.batch(place_of(partition), steps)


class Walk:
    """Hints in order of their moments, a page of each part of the index at a time."""

    def __init__(self, hints: Container, queues: Collection[str], now: str, size: int) -> None:
        self._hints = hints
        names, self._queues = among(queues)
        self._named = f"EXISTS(SELECT VALUE q FROM q IN c.queues WHERE q IN {names})"  # noqa: S608 - names only
        self._end = now + END
        self._size = size
        self._last: dict[str, str] = {part_of_index(number): "" for number in range(SHARDS)}

    @property
    def going_on(self) -> bool:
        """There may be more hints."""
        return bool(self._last)

    @property
    def frontier(self) -> str:
        """The stamp than which no hint that was not given yet is earlier."""
        return min(self._last.values(), default=self._end).partition("-")[0]

    async def following(self) -> dict[str, list[Item]]:
        """Return the next page of each part of the index, by the partitions that the hints are about."""
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
    """Return the name of one of the partitions that hints are kept in."""
    return key("due", str(number))


def place_of(partition: str) -> str:
    """Return the name of that partition in which the hints about `partition` are kept."""
    return part_of_index(shard(partition, SHARDS))


def _creation(partition: str, announcement: Announcement) -> Step:
    name = f"{announcement.at}-{secrets.token_hex(8)}"
    fields = {"at": name, "partition": partition, "queues": sorted(announcement.queues)}
    return Step("create", name, fields)
