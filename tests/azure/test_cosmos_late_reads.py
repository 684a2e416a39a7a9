"""Reads that are answered by a replica that is behind: what this process or another has written or read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.azure.cosmos_stores import PRACTICE, Life, Stores, require_a_closed_session
from tests.builders import NOW
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.client import Cosmos, open_cosmos
from therapy.adapters.azure.cosmos.store import CosmosStore
from therapy.domain.errors import NotFound
from therapy.ports.store import Create, Delete, Refused, Replace
from therapy.workflows import review

pytestmark = pytest.mark.emulator

ITEM = {"id": "one", "kind": "thing", "body": b"{}"}
BEHIND = Fault("* practice-*", kind="stale", seconds=60, times=None)


@dataclass
class Two:
    """Two processes over one database, and the emulator."""

    emulator: Emulator
    cosmos: Cosmos
    here: CosmosStore
    there: CosmosStore


@asynccontextmanager
async def another(opened: Cosmos, emulator: Emulator) -> AsyncIterator[CosmosStore]:
    async with open_cosmos(emulator.url, emulator.key, opened.database.id) as other:
        yield CosmosStore(other, lambda: NOW)


@pytest.fixture
async def two(cosmos: Emulator) -> AsyncIterator[Two]:
    async with empty_cosmos(cosmos) as opened, another(opened, cosmos) as there:
        cosmos.clear()
        yield Two(cosmos, opened, CosmosStore(opened, lambda: NOW), there)


async def versions(store: CosmosStore) -> list[int]:
    """The item's version by a point read, by a query of several and by a list; 0 where it is not found."""
    single, several = await store.get("p", "one"), await store.get("p", "one", "two")
    listed = await store.list("p", "one")
    found = [single.get("one"), several.get("one"), listed[0] if listed else None]
    return [each.version if each else 0 for each in found]


Write = Callable[[CosmosStore], Awaitable[None]]


async def test_a_process_reads_what_it_has_written(two: Two) -> None:
    two.emulator.add(BEHIND)
    await two.here.commit("p", [Create(**ITEM)])
    assert await versions(two.here) == [1, 1, 1]
    await two.here.commit("p", [Replace(**ITEM, version=1)])
    assert await versions(two.here) == [2, 2, 2]
    await two.here.commit("p", [Delete(id="one")])
    assert await versions(two.here) == [0, 0, 0]


async def test_who_has_found_an_item_of_a_commit_finds_the_others(two: Two) -> None:
    """So whoever delivers what follows from a change sees the change."""
    await two.there.commit("p", [Create(**ITEM), Create(**(ITEM | {"id": "other"}))])
    two.emulator.add(BEHIND)
    assert await versions(two.here) == [0, 0, 0]  # of another's write it knows nothing yet
    two.emulator.clear()
    assert await two.here.list("p", "other")
    two.emulator.add(BEHIND)
    assert await versions(two.here) == [1, 1, 1]


async def test_who_is_refused_reads_at_once_why(two: Two) -> None:
    await two.there.commit("p", [Create(**ITEM)])
    two.emulator.add(BEHIND)
    with pytest.raises(Refused):
        await two.here.commit("p", [Create(**ITEM)])


async def test_a_sessions_life_in_one_process_needs_no_replica_to_keep_up(stores: Stores) -> None:
    life = Life(stores)
    for _, call in life.calls():
        stores.emulator.clear()
        stores.emulator.add(BEHIND)
        await call()
    await require_a_closed_session(life)


@pytest.mark.parametrize("what", ["a session", "a login"])
async def test_what_another_process_has_just_written_is_found(what: str, stores: Stores) -> None:
    life = Life(stores)
    for name, call in life.calls():
        await call()
        if name == "`POST /sessions/upload`":
            break
    emulator, name = stores.emulator, stores.cosmos.database.id
    lag = timedelta(milliseconds=1)
    async with open_cosmos(emulator.url, emulator.key, name, lag=lag) as opened:
        there = Stores(emulator, opened, stores.clock).installation
        emulator.add(Fault("read *-items", kind="stale", seconds=60))  # the first one
        if what == "a login":
            await there.login_check.require(life.actor)
        else:
            await review.look(life.actor, life.session_id, records=there.records)
        assert emulator.seen()["containers"]["practice-items"]["struck"] == {"stale": 1}


async def test_a_cancelled_sessions_recording_is_erased(stores: Stores) -> None:
    life = Life(stores)
    for name, call in life.calls():
        await call()
        if name == "`POST /sessions/upload`":
            break
    session = await review.own_session(life.actor, life.session_id, records=life.records)
    here = PRACTICE, session.recordings[0].key
    assert await stores.ports.recordings.size(*here)
    stores.emulator.add(BEHIND)
    await review.cancel(life.actor, life.session_id, records=life.records)
    with pytest.raises(NotFound):
        await stores.ports.recordings.size(*here)
