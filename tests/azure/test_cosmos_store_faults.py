"""The store of items on a Cosmos that throttles, breaks and loses answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.azure.cosmos_items import Items
from tests.azure.story import (
    PASSING,
    Call,
    passing,
    told,
    told_twice_where_broken,
    undisturbed_by,
)
from tests.builders import HOUR, NOW, SECOND
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.domain.errors import Unavailable
from therapy.ports.store import Delete, Item, Write
from therapy.testing.store.items import PARTITION, check, create, one, put, refused_place, replace

pytestmark = pytest.mark.emulator

OPERATIONS = ("read", "query", "create", "batch")
QUEUED = {"queue": "work", "due_at": NOW}


def plain(item: Item) -> tuple[object, ...]:
    """All of an item, but for a version that nobody can foretell."""
    return item.id, item.version if item.version < 1_000 else 0, item.body, item.due_at


def shown(call: Call) -> Call:
    """The same call, giving what can be compared between two databases."""

    async def made() -> Any:
        found = await call()
        if isinstance(found, dict):
            return sorted(map(plain, found.values()))
        return [plain(item) for item in found] if isinstance(found, tuple) else found

    return made


def story(items: Items) -> list[Call]:
    """Commits of every kind by two processes, and what is read after each of them."""

    def commit(*writes: Write, by: Any = items.store) -> Call:
        return lambda: refused_place(by, writes)

    async def walked() -> tuple[Item, ...]:
        found = [item async for item in items.store.walk()]
        return tuple(sorted(found, key=lambda item: item.id))

    commits = [
        commit(create("a", **QUEUED), create("b", expires_at=NOW + HOUR), put("c")),
        commit(create("a"), by=items.other),
        commit(replace("a", 1, queue="work", due_at=NOW - SECOND), check("b", 1)),
        commit(replace("a", 1), put("x")),
        commit(replace("a", 2, **QUEUED), by=items.other),
        commit(Delete(id="b", version=1), check("a", 3), by=items.other),
        commit(Delete(id="b"), Delete(id="missing"), Delete(id="gone", version=1)),
        commit(put("c", **QUEUED)),
        commit(Delete(id="c")),
        commit(check("a", 3)),
        commit(Delete(id="a", version=2), by=items.other),
        commit(create("c"), Delete(id="a", version=3)),
    ]
    looks = [
        lambda: items.store.list(PARTITION),
        lambda: items.other.get(PARTITION, "a", "b", "c"),
        lambda: items.store.due(["work"], NOW, 10),
        walked,
    ]
    return [shown(call) for each in commits for call in (each, *looks)]


@pytest.fixture(scope="module")
def undisturbed(cosmos_server: Emulator) -> list[Any]:
    """What the story gives when nothing fails."""
    return undisturbed_by(cosmos_server, lambda opened: story(Items(cosmos_server, opened)))


def test_the_story_has_refusals_and_successes(undisturbed: list[Any]) -> None:
    assert undisturbed[::5] == [None, 0, None, 0, None, None, None, None, None, None, 0, None]


@pytest.mark.parametrize("what", PASSING)
async def test_what_passes_is_not_noticed(what: str, items: Items, undisturbed: list[Any]) -> None:
    """Each operation of each call meets it."""
    failing = passing(what, OPERATIONS)
    assert await told(items.emulator, story(items), *failing) == undisturbed


async def test_another_writer_that_changes_nothing_is_not_noticed(
    items: Items, undisturbed: list[Any]
) -> None:
    assert (
        await told(items.emulator, story(items), Fault("batch *", kind="race", times=3))
        == undisturbed
    )


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_call_that_stopped_half_way_can_be_made_again(
    operation: str, items: Items, undisturbed: list[Any]
) -> None:
    given, failed = await told_twice_where_broken(items.emulator, story(items), operation)
    left_out = [at for at, each in enumerate(given) if each != undisturbed[at]]
    # A partition that can't be asked is left out of what is due, and nothing else is ever different.
    assert all(given[at] == [] and at % 5 == 3 for at in left_out)
    assert failed


async def test_who_loses_every_race_is_told(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a")])
    items.emulator.add(Fault("batch *items", kind="race", times=None))
    with pytest.raises(Unavailable) as told_so:
        await items.store.commit(PARTITION, [replace("a", 1)])
    items.emulator.clear()
    assert told_so.value.details == {"reason": "contended"}
    assert (await one(items.other, "a")).version == 1


@pytest.mark.parametrize("kind", ["inside", "status"])
async def test_commits_that_met_each_other_at_one_item_are_made_again(
    kind: str, items: Items
) -> None:
    """Cosmos answers 449 to a patch that meets another one, which its SDK for Python does not repeat."""
    await items.store.commit(PARTITION, [create("credentials")])
    items.emulator.add(Fault("batch *items", kind=kind, status=449, times=5))
    await items.store.commit(PARTITION, [create("login"), check("credentials", 1)])
    assert (await one(items.other, "login")).version == 1


async def test_a_walk_goes_on_at_a_page_that_failed(items: Items) -> None:
    names = [f"{at:03}" for at in range(100)]
    for partition in ("p", "q", "r"):
        await items.store.commit(partition, [create(name) for name in names])
    walking = items.store.walk()
    found = [await anext(walking)]
    items.emulator.add(Fault("query *items", status=503), Fault("query *items", kind="lost"))
    found += [item async for item in walking]
    assert len(found) == 300
    assert len({(item.partition, item.id) for item in found}) == 300


async def test_a_walk_that_can_not_go_on_says_so(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a")])
    items.emulator.add(Fault("query *items", status=503, times=None))
    with pytest.raises(Unavailable):
        await anext(items.store.walk())


async def test_an_error_quotes_nothing(items: Items) -> None:
    items.emulator.add(Fault(status=503, message="Jordan White", times=None))
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: items.store.get(PARTITION, "a"),
        lambda: items.store.list(PARTITION),
        lambda: items.store.commit(PARTITION, [create("a", body=b"Jordan White")]),
        lambda: items.store.due(["work"], NOW, 10),
    ]
    for call in calls:
        with pytest.raises(Unavailable) as told_so:
            await call()
        assert str(told_so.value) == "unavailable reason=out_of_order status=503"
    items.emulator.clear()
