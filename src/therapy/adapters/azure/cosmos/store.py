"""The store of all records on Cosmos DB.

An item is a document (`document`), a commit a batch (`commit`), and what is due is found through hints
(`due_hints`). Most commits are one request, or two if something becomes due earlier than before: the store
remembers the ETags of what it read and wrote (`versions`) and writes without looking first.

After a batch that was refused, or whose answer was lost, its items are read. If one of them has the commit's
mark, it was written. If not, it is tried again with what was found. Only if an answer was lost and all items
have changed since, it is unknown whether it was written and then overwritten: what would be a refusal is then
Unavailable, which means just that.
"""

import asyncio
import random
import secrets
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from typing import Any

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.commit import (
    Announcement,
    Known,
    Planned,
    newly_due,
    planned,
    untouched,
    version_expected,
)
from therapy.adapters.azure.cosmos.container_requests import ATTEMPTS, WITHIN, Lost
from therapy.adapters.azure.cosmos.document import (
    HEAD,
    LIVING,
    SEEN,
    Document,
    Fields,
    Seen,
    items_of,
    packed,
    seen_in,
)
from therapy.adapters.azure.cosmos.due_hints import DueHints
from therapy.adapters.azure.cosmos.due_items import DueItems, Wanted
from therapy.adapters.azure.cosmos.errors import contended, cosmos_errors
from therapy.adapters.azure.cosmos.gathered_reads import GatheredReads
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.adapters.azure.cosmos.queries import among
from therapy.adapters.azure.cosmos.versions import Versions
from therapy.domain.errors import TooLarge, Unavailable
from therapy.ports.store import (
    MOST_BYTES,
    MOST_ITEMS,
    Item,
    Put,
    Refused,
    Store,
    Write,
    check_due,
    check_many,
    check_names,
    check_range,
    check_writes,
)

MOST_SENT = 2 * 1024 * 1024
"""Cosmos's limit for the bytes of a batch."""

PAGE = 100
"""How many items `walk` loads at a time."""

BEYOND = "\x7f"
"""Greater than every character of a name."""


class CosmosStore(Store):
    """Stores items in Cosmos DB."""

    def __init__(self, cosmos: Cosmos, now: Callable[[], datetime]) -> None:
        self.lag = cosmos.lag
        self._items = cosmos.items
        self._hints = DueHints(cosmos.hints, cosmos.settle)
        self._due = DueItems(cosmos.items, self._hints, now, self._read)
        self._now = now
        self._versions = Versions()
        self._together = GatheredReads(self._whole)

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        check_names(partition, *ids)
        find = self._whole if len(ids) <= 1 else self._together.find
        return {item.id: item for item in await self._read(await find(partition, ids))}

    async def list(
        self,
        partition: str,
        prefix: str = "",
        *,
        after: str = "",
        backwards: bool = False,
        limit: int = MOST_ITEMS,
        bodies: bool = True,
    ) -> tuple[Item, ...]:
        check_names(partition)
        check_range(prefix, after, limit)
        named = {"first": prefix, "end": prefix + BEYOND, "living": stamp(self._now())}
        further = ""
        if after:
            further = f" AND c.id {'<' if backwards else '>'} @after"
            named["after"] = after
        found = await self._items.query(
            partition,
            f"c.id >= @first AND c.id < @end AND {LIVING}{further}",
            select="*" if bodies else HEAD,
            order="c.id DESC" if backwards else "c.id",
            limit=limit,
            **named,
        )
        return await self._read(found)

    async def list_many(self, partitions: Collection[str], prefix: str) -> tuple[Item, ...]:
        """Return the items of these partitions whose id begins with `prefix`: see `SupportsListMany`.

        One query of the physical partitions that have them, of which there is one for each 50 GB.
        """
        check_many(partitions, prefix)
        found = await self._items.query_many(
            partitions,
            f"c.id >= @first AND c.id < @end AND {LIVING}",
            first=prefix,
            end=prefix + BEYOND,
            living=stamp(self._now()),
        )
        items = await self._read(found)
        return tuple(sorted(items, key=lambda item: (item.partition, item.id)))

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        check_names(partition)
        check_writes(writes)
        puts = [write for write in writes if isinstance(write, Put)]
        fields = await packed([write.body for write in puts])
        if sum(len(each.get("packed", "")) for each in fields) > MOST_SENT:
            raise TooLarge(limit=MOST_BYTES)
        bodies = {write.id: each for write, each in zip(puts, fields, strict=True)}
        with cosmos_errors():
            # No commit takes longer than this after its announcement: `due_hints` relies on it.
            async with asyncio.timeout(WITHIN):
                await self._commit(partition, writes, bodies)

    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        check_due(queues, now, limit, after)
        wanted = Wanted(sorted(set(queues)), stamp(now), limit, after)
        return await self._due.find(wanted) if queues else ()

    async def purge(self, limit: int) -> int:  # noqa: ARG002 - Cosmos deletes by itself
        return 0

    async def walk(self) -> AsyncIterator[Item]:
        """Yield every item that has not expired, in no particular order. Queries every partition."""
        async for page in self._items.pages(PAGE):
            for item in await self._read(page):
                yield item

    async def _commit(
        self, partition: str, writes: Sequence[Write], bodies: Mapping[str, Fields]
    ) -> None:
        ids = [write.id for write in writes]
        mark = secrets.token_hex(8)
        remembered = {item_id: self._versions.get(partition, item_id) for item_id in ids}
        known = await self._expected(partition, writes)
        announced: Announcement | None = None
        before: Known | None = None
        pauses = iter(self._items.pauses)
        for attempt in range(ATTEMPTS):
            plan = self._plan(writes, known, bodies, unsure=before is not None)
            if not plan:
                return
            announced = await self._announce(partition, writes, known, announced)
            done = await self._items.write(partition, [each.step for each in plan], mark)
            if isinstance(done, tuple):
                self._remember(partition, plan, done)
                return
            if isinstance(done, Lost):
                before = before or {**remembered, **known}
            await _pause(attempt, done, pauses)
            known = await self._look(partition, ids)
            if any(seen is not None and mark in seen.marks for seen in known.values()):
                return
            if before is not None and untouched(plan, before, known):
                before = None
        raise contended()

    def _plan(
        self, writes: Sequence[Write], known: Known, bodies: Mapping[str, Fields], *, unsure: bool
    ) -> Sequence[Planned]:
        try:
            return planned(writes, known, bodies, self._now())
        except Refused:
            if unsure:
                raise Unavailable(reason="answer_lost") from None
            raise

    async def _announce(
        self,
        partition: str,
        writes: Sequence[Write],
        known: Known,
        announced: Announcement | None,
    ) -> Announcement | None:
        """Announce what becomes due earlier, unless this commit has already; return what it has announced."""
        needed = newly_due(writes, known, self._now())
        if needed is None or (announced is not None and announced.covers(needed)):
            return announced
        await self._hints.announce(partition, needed)
        return needed

    async def _expected(self, partition: str, writes: Sequence[Write]) -> Known:
        """Return what is known of items whose version matters: from memory if it fits, else looked up."""
        known: dict[str, Seen | None] = {}
        for write in writes:
            version = version_expected(write)
            seen = self._versions.get(partition, write.id)
            if version is not None and seen and seen.version == version and seen.lives(self._now()):
                known[write.id] = seen
        unknown = [
            write.id
            for write in writes
            if version_expected(write) is not None and write.id not in known
        ]
        return {**known, **await self._look(partition, unknown)}

    async def _look(self, partition: str, ids: Sequence[str]) -> Known:
        """Return what exists of these items, as the store has it now."""
        found = {each["id"]: seen_in(each) for each in await self._find(partition, ids, SEEN)}
        for item_id in ids:
            self._versions.put(partition, item_id, found.get(item_id))
        return {item_id: found.get(item_id) for item_id in ids}

    async def _whole(self, partition: str, ids: Iterable[str]) -> Sequence[Document]:
        return await self._find(partition, ids, "*")

    async def _find(self, partition: str, ids: Iterable[str], select: str) -> Sequence[Document]:
        """Return the documents that exist: by a point read of one, a query for several."""
        wanted = tuple(dict.fromkeys(ids))
        if len(wanted) > 1:
            names, values = among(wanted)
            where = f"c.id IN {names}"
            return await self._items.query(partition, where, select=select, limit=0, **values)
        found = [await self._items.read(partition, item_id) for item_id in wanted]
        return [each for each in found if each is not None]

    async def _read(self, documents: Sequence[Document]) -> tuple[Item, ...]:
        """Return the items that have not expired, and remember their versions."""
        seen = [(each, seen_in(each)) for each in documents]
        for each, of_it in seen:
            self._versions.put(each["pk"], each["id"], of_it)
        return await items_of([each for each, of_it in seen if of_it.lives(self._now())])

    def _remember(
        self, partition: str, plan: Sequence[Planned], results: Sequence[Mapping[str, Any]]
    ) -> None:
        for each, result in zip(plan, results, strict=True):
            seen = each.seen and each.seen._replace(etag=result.get("eTag") or "")
            if each.step.kind == "check":
                # It is of the same version, but perhaps not the one that was seen.
                found = result.get("resourceBody")
                seen = seen_in(found) if found else None
            self._versions.put(partition, each.step.item_id, seen)


async def _pause(attempt: int, done: Lost | None, pauses: Iterator[float]) -> None:
    """Wait before another attempt: a short random time after a refusal; else as `Container` does."""
    if done is None:
        await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - no secret
    elif (pause := next(pauses, None)) is not None:
        await asyncio.sleep(pause)
    else:
        raise done.error
