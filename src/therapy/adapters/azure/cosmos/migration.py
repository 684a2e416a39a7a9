"""The migration from the first layout: copies an account to the current containers while the program is down.

The old containers are only read, until `finish` deletes them. A pass reads the new containers, then converts
everything in the old ones: what is missing or different is written, what should not be there is deleted. A
pass that finds nothing to do has verified the copy, which is then marked as complete. So a killed copy can be
continued, also if the old program was used again in between.

The mark is an item of the store. It also says which run is copying: if two run at once, the later one
continues, and the other one stops before it writes another page.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from azure.core.exceptions import ResourceNotFoundError
from msgspec import Struct
from msgspec.structs import replace

from therapy.adapters.azure.cosmos import container_definitions
from therapy.adapters.azure.cosmos.batch_steps import MOST_STEPS, Step
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container_requests import Item
from therapy.adapters.azure.cosmos.document import fields_of
from therapy.adapters.azure.cosmos.errors import cosmos_errors, is_behind
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.adapters.azure.cosmos.migration_records import (
    NAMES,
    SESSIONS,
    Document,
    Target,
    content_of,
    name_of,
    targets_of,
)
from therapy.adapters.retry import RetryPolicy
from therapy.domain import codec
from therapy.domain.errors import Unavailable
from therapy.ports.store import Put

PARTITION, MARK = "migrations", "first-layout"
"""The partition and id of the mark."""

PAGE = 200
"""Documents read at a time."""

AT_ONCE = 8
"""Batches sent at the same time."""

MOST_CHARACTERS = 1_000_000
"""The most characters in a batch, unless it has only one document: Cosmos accepts 2 MB."""

MOST_PASSES = 8
"""The most passes. Two are needed, more only if something changes meanwhile."""

PAUSES = (1, 2, 5, 10, 30, 60, 120)
"""Seconds before a batch or a pass is repeated, long enough for an account with few RU/s."""

PASSING = frozenset(
    {"answer", "batch", "connection", "contended", "moved", "out_of_order", "throttled", "timeout"}
)
"""Reasons of Unavailable that are temporary."""

Progress = Callable[[int, int], None]
"""Called with the numbers of old documents read and new ones written in this pass."""


class Mark(Struct, frozen=True):
    """Which run is copying, and since when; `complete` once the copy is verified."""

    run: str
    at: datetime
    complete: bool = False


async def require_current(cosmos: Cosmos) -> None:
    """Raise Unavailable if the account has the first layout without a complete copy.

    Raises:
        Unavailable: `first_layout` or `copy_not_complete`: run `therapy migrate`.
    """
    _, mark = await _read_mark(cosmos)
    if mark is not None and not mark.complete:
        raise Unavailable(reason="copy_not_complete")
    if mark is None and await _is_there(cosmos, SESSIONS):
        raise Unavailable(reason="first_layout")


async def copy_first_layout(
    cosmos: Cosmos,
    now: Callable[[], datetime],
    on_progress: Progress = lambda _read, _written: None,
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Copy the first layout, if there is one that is not copied yet. Idempotent.

    Raises:
        Unavailable: Cosmos can't be reached; `live_lease`: a worker is working; `not_empty`: the current
            containers have something that is not a copy; `another_copy`: the command was started again;
            `copy_not_verified`: the old containers keep changing; `first_layout_changed`: they have changed
            since they were copied.
    """
    if not await _is_there(cosmos, SESSIONS):
        return
    _, mark = await _read_mark(cosmos)
    if mark is not None and mark.complete:
        await left_to_finish(cosmos)
        return
    patient = RetryPolicy("copying waits for the account", _passes, pauses)
    await patient.call(lambda: _require_stopped(cosmos, now()))
    if mark is None:
        await patient.call(lambda: _require_empty(cosmos))
    copying = _Copying(cosmos, now, on_progress, patient)
    await copying.begin()
    for _ in range(MOST_PASSES):
        if not await patient.call(copying.once):
            await copying.complete()
            return
    raise Unavailable(reason="copy_not_verified")


async def left_to_finish(cosmos: Cosmos) -> tuple[str, ...]:
    """Return the names of the old containers that still exist, all of them copied.

    Raises:
        Unavailable: Cosmos can't be reached; `copy_not_complete`; `first_layout_changed`: the old program
            has written to one of them since.
    """
    there = tuple([name for name in NAMES if await _is_there(cosmos, name)])
    stored, mark = await _read_mark(cosmos)
    if there and (stored is None or mark is None or not mark.complete):
        raise Unavailable(reason="copy_not_complete")
    for name in there:
        since = stored["_ts"] if stored else 0
        async for page in cosmos.container(name).pages(1, "c._ts > @since", since=since):
            if page:
                raise Unavailable(reason="first_layout_changed", container=cosmos.prefix + name)
    return tuple(cosmos.prefix + name for name in there)


async def finish(cosmos: Cosmos) -> None:
    """Delete the old containers for good. Idempotent.

    Raises:
        Unavailable: as `left_to_finish`, or this is not allowed. What was not deleted still exists.
    """
    for name in await left_to_finish(cosmos):
        with cosmos_errors():
            await cosmos.database.delete_container(name)


class _Copying:
    """One run of the command."""

    def __init__(
        self,
        cosmos: Cosmos,
        now: Callable[[], datetime],
        on_progress: Progress,
        patient: RetryPolicy,
    ) -> None:
        self._cosmos = cosmos
        self._now = now
        self._on_progress = on_progress
        self._patient = patient
        self._run = secrets.token_hex(8)

    async def begin(self) -> None:
        """Begin the copy, or take it over from an earlier run."""
        mark = Mark(self._run, self._now())
        await self._cosmos.items.put(PARTITION, MARK, _mark_fields(mark))

    async def complete(self) -> None:
        """Mark the copy as complete, unless another run has taken it over."""
        stored, mark = await self._require_ours()
        fields = _mark_fields(replace(mark, at=self._now(), complete=True))
        if await self._cosmos.items.replace(stored, fields) is None:
            raise Unavailable(reason="another_copy")

    async def once(self) -> int:
        """Do one pass; return how many documents had to be written or deleted."""
        there = await self._contents()
        read = written = 0
        for name in NAMES:
            async for page in self._cosmos.container(name).pages(PAGE):
                if name == SESSIONS:
                    refuse_live_leases(page, self._now())
                targets = await targets_of(name, page, self._now())
                wrong = [each for each in targets if there.pop(each.name, b"") != each.content]
                await self._write(wrong)
                read, written = read + len(page), written + len(wrong)
                self._on_progress(read, written)
        return written + (await self._delete(there) if there else 0)

    async def _contents(self) -> dict[bytes, bytes]:
        """Return the content of each document in the new containers, by its name."""
        return {
            name_of(shape, each["pk"], each["id"]): content_of(each)
            async for shape, each in _copied(self._cosmos)
        }

    async def _write(self, targets: Sequence[Target]) -> None:
        """Write documents, hints first, as always."""
        if not targets:
            return
        await self._require_ours()
        hints = [each for each in targets if each.container == container_definitions.HINTS.name]
        others = [each for each in targets if each.container != container_definitions.HINTS.name]
        for some in (hints, others):
            await _at_once(self._batch(*each) for each in _batches(some))

    async def _batch(self, container: str, pk: str, steps: Sequence[Step]) -> None:
        target = self._cosmos.container(container)
        await self._patient.call(lambda: target.batch(pk, steps))

    async def _delete(self, left: dict[bytes, bytes]) -> int:
        """Delete copies whose originals no longer exist; return how many."""
        deleted = 0
        async for shape, each in _copied(self._cosmos):
            if name_of(shape, each["pk"], each["id"]) in left:
                await self._require_ours()
                await self._cosmos.container(shape).delete(each["pk"], each["id"])
                deleted += 1
        return deleted

    async def _require_ours(self) -> tuple[Item, Mark]:
        stored, mark = await _read_mark(self._cosmos)
        if stored is None or mark is None or mark.run != self._run or mark.complete:
            raise Unavailable(reason="another_copy")
        return stored, mark


def refuse_live_leases(documents: Iterable[Document], now: datetime) -> None:
    """Raise Unavailable if one of these is a run that a worker is working on."""
    for each in documents:
        if each["kind"] == "run" and each.get("due", "") > stamp(now):
            run = codec.decode(_Claim, each["body"].encode())
            if run.state == "claimed":
                raise Unavailable(reason="live_lease", until=f"{run.due_at:%H:%M:%S} UTC")


class _Claim(Struct):
    """The fields of a run that say whether a worker is working on it."""

    due_at: datetime
    state: str = "due"


def _passes(exc: Exception) -> bool:
    return isinstance(exc, Unavailable) and exc.details.get("reason") in PASSING


async def _require_stopped(cosmos: Cosmos, now: datetime) -> None:
    later = "c.kind = 'run' AND c.due > @now"
    async for page in cosmos.container(SESSIONS).pages(PAGE, later, now=stamp(now)):
        refuse_live_leases(page, now)


async def _require_empty(cosmos: Cosmos) -> None:
    async for shape, _ in _copied(cosmos):
        raise Unavailable(reason="not_empty", container=cosmos.prefix + shape)


async def _is_there(cosmos: Cosmos, name: str) -> bool:
    with cosmos_errors():
        try:
            await cosmos.database.get_container_client(cosmos.prefix + name).read()
        except ResourceNotFoundError as exc:
            if is_behind(exc):
                raise
            return False
    return True


async def _read_mark(cosmos: Cosmos) -> tuple[Item | None, Mark | None]:
    stored = await cosmos.items.read(PARTITION, MARK)
    return stored, codec.decode(Mark, stored["body"].encode()) if stored else None


def _mark_fields(mark: Mark) -> dict[str, object]:
    """Return the mark as an item of the store."""
    write = Put(id=MARK, kind="migration", body=codec.encode(mark))
    return fields_of(write, 1, {"body": write.body.decode()}, mark.at)


async def _copied(cosmos: Cosmos) -> AsyncIterator[tuple[str, Document]]:
    """Yield every document in the current containers except the mark, with its container's name."""
    for shape in container_definitions.SHAPES:
        async for page in cosmos.container(shape.name).pages(PAGE):
            for each in page:
                if each["pk"] != PARTITION:
                    yield shape.name, each


def _batches(targets: Sequence[Target]) -> Iterator[tuple[str, str, list[Step]]]:
    """Yield the documents of each partition, in as many batches as necessary."""

    def place(target: Target) -> tuple[str, str]:
        return target.container, target.pk

    for (container, pk), own in groupby(sorted(targets, key=place), place):
        steps: list[Step] = []
        characters = 0
        for each in own:
            size = sum(len(value) for value in each.fields.values() if isinstance(value, str))
            if len(steps) == MOST_STEPS or (steps and characters + size > MOST_CHARACTERS):
                yield container, pk, steps
                steps, characters = [], 0
            steps.append(Step("upsert", each.id, each.fields))
            characters += size
        yield container, pk, steps


async def _at_once(work: Iterable[Awaitable[None]]) -> None:
    """Do all work, AT_ONCE at a time; raise the first failure once everything has ended."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(each: Awaitable[None]) -> None:
        async with places:
            await each

    ended = await asyncio.gather(*(one(each) for each in work), return_exceptions=True)
    for each in ended:
        if each is not None:
            raise each
