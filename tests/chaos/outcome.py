"""What must be true once a process was cut, another one came after it, and one sweep went by."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec
from msgspec import Struct

from tests.builders import PRACTICE
from tests.chaos.scenarios import After
from tests.chaos.worlds import World, finished
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import NotFound
from therapy.domain.outbox import PushKind
from therapy.domain.session import State
from therapy.ports.store import Item, Put
from therapy.repositories.records import Records
from therapy.repositories.repository import Repository
from therapy.repositories.sessions import session_partition
from therapy.workflows.inconsistencies import Inspection

S = TypeVar("S", bound=Struct)

LATER = timedelta(hours=3)
"""When the one sweep comes: nobody continues by then what was broken off."""

STAGES = {
    "speech.transcribe begins": {"version"},
    "sentiment.score": {"version", "scores"},
    "insights.find": {"insights"},
}
"""The first call of each stage, and the kinds of items in whose commit its result is stored at the latest."""


async def check(world: World, after: After) -> None:
    """Sweep once, later, and see that everything is there once and nothing else is.

    Raises:
        AssertionError: it is not.
    """
    world.bare.clock.now += LATER
    await world.bare.sweep()
    items = [item async for item in world.bare.records.store.walk()]
    await _check_sessions(world, after, items)
    recordings = await _check_recordings(world, after, items)
    ready = [each for kind, each in world.place.told() if kind == PushKind.SESSION_READY.value]
    assert len(set(ready)) == after.ready, "notifications"
    assert len(ready) <= after.ready + 1, "notifications"
    inspection = await _inspection(world, items, recordings)
    found = await inspection.find()
    assert found == (), found


async def _check_sessions(world: World, after: After, items: Sequence[Item]) -> None:
    records, expected = world.bare.records, world.noted().get("session")
    sessions = _all_of(records.sessions, items)
    ids = [each.id for each in sessions]
    assert ids == ([expected] if after.state else []), f"sessions: {ids}"
    waiting = _all_of(records.outbox, items)
    assert waiting == [], waiting
    if not after.state:
        return
    (session,) = sessions
    now = (session.state, session.transcript_number)
    assert now == (after.state, after.in_force or after.versions), now
    own = [each for each in items if each.partition == session_partition(PRACTICE, session.id)]
    if after.state is State.ERASED:
        kinds = {item.id.partition("-")[0] for item in own}
        assert kinds == {"session", "run"}, kinds
        return
    headers = [header for item in own if (header := records.transcripts.header_in(item))]
    history = sorted((each.number, each.parent) for each in headers)
    expected_history = [*zip(range(1, after.versions + 1), after.parents, strict=False)]
    assert history == expected_history, history
    runs = finished(_all_of(records.runs, own))
    assert runs == sorted(after.runs), runs
    if after.finds:
        index = world.bare.ports.session_index
        found = await index.search(PRACTICE, session.therapist_id, after.finds, "", 10)
        assert [each.session_id for each in found] == [session.id], "search"


async def _check_recordings(
    world: World, after: After, items: Sequence[Item]
) -> Mapping[str, bytes]:
    """See that the recordings are there and nothing else; return them by their keys."""
    ports = world.bare.ports
    keys, left = await world.place.files(ports)
    kept = {}
    for key in keys:
        try:
            kept[key] = await ports.recordings.read(PRACTICE, key, 0, 10**9)
        except NotFound:  # blocks that were never kept
            left.append(key)
    assert left == [], left
    assert sorted(kept.values()) == sorted(after.recordings), "recordings"
    uploads = _all_of(world.bare.records.uploads, items)
    unfinished = [each.id for each in uploads if not each.finished_at]
    assert unfinished == [], "uploads that are not finished"
    return kept


async def _inspection(
    world: World, items: Sequence[Item], recordings: Mapping[str, bytes]
) -> Inspection:
    """Return the inspection of these items and recordings, which were read before, and of the index."""
    ports = world.bare.ports
    store, kept = MemoryStore(ports.now), MemoryRecordings(now=ports.now)
    for each in items:
        fields = msgspec.structs.asdict(each)
        partition = fields.pop("partition")
        del fields["version"]
        await store.commit(partition, [Put(**fields)])
    for key, content in recordings.items():
        await kept.stage(PRACTICE, key, 0, content)
        await kept.keep(PRACTICE, key, 1, key)
    records = Records(store, now=ports.now, new_id=ports.new_id)
    return Inspection(records, kept, ports.session_index)


def _all_of(kind: Repository[S], items: Sequence[Item]) -> list[S]:
    """Return the records of this kind."""
    return [record for item in items if (record := kind.read_if_readable(item))]


def check_stages(trace: Sequence[str], unsure: Collection[int], *, most: int) -> None:
    """See that no stage is done again once its result is stored: beside the recordings, or in a commit.

    It may be begun `most` times; calls that are `unsure` may have stored nothing.

    Raises:
        AssertionError: it is.
    """
    for stage, kinds in STAGES.items():
        begun = [at for at, name in enumerate(trace) if name == stage]
        assert len(begun) <= most, f"{stage}: {len(begun)} times"
        done = [at for at in range(len(trace)) if at not in unsure]
        stored = [at for at in done if begun and at > begun[0] and _stores(trace[at], kinds)]
        assert not stored or begun[-1] < stored[0], f"{stage} was done again after it was stored"


def _stores(name: str, kinds: set[str]) -> bool:
    call, *written = name.split()
    return call == "recordings.keep" or (call == "store.commit" and bool(kinds & {*written}))
