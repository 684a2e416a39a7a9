"""What is due, over all practices: a small index in a few partitions, which is never wrong for long.

Sessions live in a partition each and a batch reaches no other, so a change and its entry here can't be
one write. Therefore an entry is only a hint, announced BEFORE the change ("by this moment something of
this session may be due") and never changed afterwards:

- A writer announces, then writes. If it dies in between, the hint points to nothing and is cleaned.
- It must announce whatever makes something due earlier than before: a new item, a new or reopened run,
  an earlier moment. What puts a run off (a claim, a beat) or ends it needs no announcement.
- So of everything that is due, some hint is no later. `find` walks the hints in order, asks each one's
  session what is really due, and gives only that.
- Hints that have come up and whose session has nothing due are replaced by one for the next moment of
  that session, if there is any, and deleted; unless younger than `settle`: then the write may still be on
  its way. No hint but those that were looked at is touched, so that no announcement is lost.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import Container, Item
from therapy.adapters.azure.cosmos.keys import END, key, shard, stamp
from therapy.adapters.azure.cosmos.partition import of_session

Kind = Literal["runs", "items"]
KINDS: dict[str, Kind] = {"run": "runs", "item": "items"}

PARTITIONS = 2
"""Over which the index is spread; two take some hundred sessions a second. Never lower it."""

AT_ONCE = 8
"""How many sessions are asked at the same time."""

LEAST_PAGE = 10


class Due(NamedTuple):
    """Something that is due since `at`; `name` is a run's or an item's id."""

    at: str
    practice_id: str
    session_id: str
    name: str


class DueIndex:
    """The hints."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._hints = cosmos.due
        self._sessions = cosmos.sessions
        self._settle = cosmos.settle.total_seconds()

    async def announce(
        self,
        practice_id: str,
        session_id: str,
        *,
        runs: Iterable[datetime] = (),
        items: Iterable[datetime] = (),
    ) -> None:
        """Say when runs and outbox items of a session become due, if there are any."""
        moments: dict[Kind, list[str]] = {
            "runs": [stamp(each) for each in runs],
            "items": [stamp(each) for each in items],
        }
        await self._hint(practice_id, session_id, moments)

    async def find(self, now: datetime, limit: int, kind: Kind) -> list[Due]:
        """Give up to `limit` things that are due by `now`, longest due first.

        Every run that is, but of the items of a session only the one that is longest.
        """
        walk = _Walk(self._hints, stamp(now), max(LEAST_PAGE, -(-limit // PARTITIONS)), kind)
        found: list[Due] = []
        asked: set[str] = set()
        while limit > 0 and walk.going_on:
            hints = await walk.following()
            found += await self._ask(hints, asked, stamp(now), kind)
            found.sort()
            if len(found) >= limit and found[limit - 1].at <= walk.frontier:
                break
        return found[: max(0, limit)]

    async def _ask(self, hints: Sequence[Item], asked: set[str], now: str, kind: Kind) -> list[Due]:
        """Ask the sessions that these hints are about, each once in a walk; clean what is settled."""
        by_session: dict[str, list[Item]] = {}
        for hint in hints:
            by_session.setdefault(of_session(hint["practice_id"], hint["session_id"]), []).append(
                hint
            )
        places = asyncio.Semaphore(AT_ONCE)

        async def look(pk: str, own: list[Item]) -> list[Due]:
            async with places:
                return await self._look(pk, own, now, kind)

        fresh = {pk: own for pk, own in by_session.items() if pk not in asked}
        answers = await asyncio.gather(*(look(pk, own) for pk, own in fresh.items()))
        asked.update(fresh)
        return [due for answer in answers for due in answer]

    async def _look(self, pk: str, hints: list[Item], now: str, kind: Kind) -> list[Due]:
        pending = await self._sessions.query(
            pk, 'c.due > ""', select="c.kind, c.name, c.due", order=""
        )
        if any(each["due"] <= now for each in pending):
            whose = hints[0]["practice_id"], hints[0]["session_id"]
            dues = sorted(
                Due(each["due"], *whose, each["name"])
                for each in pending
                if each["due"] <= now and KINDS[each["kind"]] == kind
            )
            return dues if kind == "runs" else dues[:1]
        await self._clean(hints, pending)
        return []

    async def _clean(self, hints: list[Item], pending: list[Item]) -> None:
        """Put one hint, for what the session has in front of it, in the place of the settled ones."""
        settled = [hint for hint in hints if time.time() - hint["_ts"] >= self._settle]
        if not settled:
            return
        moments: dict[Kind, list[str]] = {"runs": [], "items": []}
        for each in pending:
            moments[KINDS[each["kind"]]].append(each["due"])
        await self._hint(settled[0]["practice_id"], settled[0]["session_id"], moments)
        for hint in settled:
            await self._hints.delete(hint["pk"], hint["id"])

    async def _hint(
        self, practice_id: str, session_id: str, moments: dict[Kind, list[str]]
    ) -> None:
        earliest = min((each for some in moments.values() for each in some), default=None)
        if earliest is None:
            return
        name = f"{earliest}-{secrets.token_hex(8)}"
        fields = {
            "at": name,
            "practice_id": practice_id,
            "session_id": session_id,
            "runs": bool(moments["runs"]),
            "items": bool(moments["items"]),
        }
        place = shard(of_session(practice_id, session_id), PARTITIONS)
        await self._hints.create(partition(place), name, fields)


def partition(number: int) -> str:
    """Give the name of one of the index's partitions."""
    return key("due", str(number))


class _Walk:
    """Hints in order of their moments, a page of each partition at a time."""

    def __init__(self, hints: Container, now: str, size: int, kind: Kind) -> None:
        self._hints = hints
        self._end = now + END
        self._size = size
        self._kind = kind
        self._last: dict[int, str] = dict.fromkeys(range(PARTITIONS), "")

    @property
    def going_on(self) -> bool:
        """There may be more hints."""
        return bool(self._last)

    @property
    def frontier(self) -> str:
        """Every hint that was not given yet is later than this."""
        return min(self._last.values(), default=self._end)

    async def following(self) -> list[Item]:
        """Give the next page of every partition that has one."""
        pages = await asyncio.gather(*(self._page(each) for each in self._last))
        for number, page in zip(tuple(self._last), pages, strict=True):
            if len(page) < self._size:
                del self._last[number]
            else:
                self._last[number] = page[-1]["at"]
        return [hint for page in pages for hint in page]

    async def _page(self, number: int) -> list[Item]:
        return await self._hints.query(
            partition(number),
            f"c.at > @last AND c.at < @end AND c.{self._kind} = true",
            select="*",
            order="c.at",
            limit=self._size,
            last=self._last[number],
            end=self._end,
        )
