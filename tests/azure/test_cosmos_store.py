"""The store of items on Cosmos: how many requests it makes, and what it remembers of items."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.azure.cosmos_items import Items
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.document import Seen
from therapy.adapters.azure.cosmos.versions import Versions
from therapy.ports.store import Delete, Write
from therapy.testing.store.items import PARTITION, check, create, one, put, refused_place, replace

pytestmark = pytest.mark.emulator

SIGNED_IN = "signed-in|practice-1|person-1"
OUTBOX = [create(f"item-{at:020}-a", queue="outbox.notice", due_at=NOW + MINUTE) for at in range(3)]


async def requests_of(items: Items, call: Callable[[], Awaitable[Any]]) -> dict[str, int]:
    items.emulator.clear()
    await call()
    return items.requests()


# --- requests ------------------------------------------------------------------------------------


async def test_a_login_and_its_refreshes_take_one_request_and_two(items: Items) -> None:
    login = create("login-1", body=b'{"n":1}', expires_at=NOW + 30 * DAY)
    assert await requests_of(items, lambda: items.store.commit(SIGNED_IN, [login])) == {"batch": 1}

    async def refresh() -> None:
        there = await one(items.store, "login-1", SIGNED_IN)
        later = replace("login-1", there.version, expires_at=NOW + 31 * DAY)
        await items.store.commit(SIGNED_IN, [later])

    assert await requests_of(items, refresh) == {"read": 1, "batch": 1}


async def test_a_submitted_review_takes_a_read_a_batch_and_one_hint(items: Items) -> None:
    await items.store.commit(PARTITION, [create("session"), create("text-000001")])

    async def submit() -> None:
        there = await one(items.store, "session")
        text = create("text-000002", body=b'{"words":["' + b"again and again, " * 8_000 + b'"]}')
        run = create("run-1", queue="run.score", due_at=NOW)
        version = create("version-000002")
        await items.store.commit(
            PARTITION, [replace("session", there.version), version, text, run, *OUTBOX]
        )

    assert await requests_of(items, submit) == {"read": 1, "create": 1, "batch": 1}
    (hint,) = await items.hints()
    assert hint["queues"] == ["outbox.notice", "run.score"]


async def test_what_puts_off_or_ends_takes_one_batch_and_no_hint(items: Items) -> None:
    queued = {"queue": "run.score", "due_at": NOW}
    await items.store.commit(PARTITION, [create("run", **queued), *OUTBOX])
    beat = replace("run", 1, queue="run.score", due_at=NOW + 30 * SECOND)
    commits: list[list[Write]] = [
        [beat],
        [replace("run", 2, queue="run.score", due_at=NOW + HOUR)],
        [check("run", 3), Delete(id=OUTBOX[0].id, version=1)],
        [replace("run", 3), Delete(id=OUTBOX[1].id)],
        [Delete(id=OUTBOX[2].id)],
        [check("run", 4)],
    ]
    for writes in commits:
        made = await requests_of(items, lambda writes=writes: items.store.commit(PARTITION, writes))
        assert made == {"batch": 1}
    assert len(await items.hints()) == 1


@pytest.mark.parametrize(
    "earlier",
    [
        {"queue": "run.score", "due_at": NOW - SECOND},
        {"queue": "run.transcribe", "due_at": NOW + HOUR},
    ],
)
async def test_what_gets_due_earlier_or_in_another_queue_is_announced(
    items: Items, earlier: dict[str, Any]
) -> None:
    await items.store.commit(PARTITION, [create("run", queue="run.score", due_at=NOW)])
    writes = [replace("run", 1, **earlier)]
    made = await requests_of(items, lambda: items.store.commit(PARTITION, writes))
    assert made == {"create": 1, "batch": 1}


async def test_commits_at_once_that_check_the_same_item_do_not_refuse_each_other(
    items: Items,
) -> None:
    """As many people do who sign in at the same moment with one account."""
    await items.store.commit(SIGNED_IN, [create("credentials")])
    logins = [[create(f"login-{at}"), check("credentials", 1)] for at in range(20)]

    async def sign_in() -> None:
        await asyncio.gather(*(items.store.commit(SIGNED_IN, each) for each in logins))

    assert await requests_of(items, sign_in) == {"batch": 20}


async def test_reading_takes_one_request_however_many_items(items: Items) -> None:
    names = [f"{at:02}" for at in range(20)]
    await items.store.commit(PARTITION, [create(name) for name in names])
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "read": lambda: items.store.get(PARTITION, "07"),
        "query": lambda: items.store.get(PARTITION, *names, "missing"),
    }
    for kind, call in calls.items():
        assert await requests_of(items, call) == {kind: 1}
    listed = await requests_of(items, lambda: items.store.list(PARTITION, "1", backwards=True))
    assert listed == {"query": 1}


async def test_nothing_due_takes_two_requests_whatever_is_to_come(items: Items) -> None:
    for at in range(4):
        later = create("run", queue="run.score", due_at=NOW + HOUR)
        await items.store.commit(f"session|practice-1|{at}", [later])
    queues = ["run.score", "run.transcribe", "upload", "outbox.notice"]
    assert await requests_of(items, lambda: items.store.due(queues, NOW, 100)) == {"query": 2}
    assert await requests_of(items, lambda: items.store.due([], NOW, 100)) == {}


async def test_what_is_found_due_is_claimed_without_another_look(items: Items) -> None:
    await items.store.commit(PARTITION, [create("run", queue="run.score", due_at=NOW)])

    async def claim() -> None:
        (found,) = await items.other.due(["run.score"], NOW, 10)
        held = replace(found.id, found.version, queue="run.score", due_at=NOW + MINUTE)
        await items.other.commit(found.partition, [held])

    assert await requests_of(items, claim) == {"query": 3, "batch": 1}


async def test_only_a_walk_and_a_list_of_many_ask_all_partitions(items: Items) -> None:
    for at in range(5):
        await items.store.commit(f"p{at}", [put("a", queue="work", due_at=NOW), create("b")])
        await items.store.get(f"p{at}", "a", "b")
        await items.store.list(f"p{at}")
    assert len(await items.store.due(["work"], NOW, 10)) == 5
    assert items.emulator.cross_partition() == 0
    names = [f"p{at}" for at in range(5)]
    many = await requests_of(items, lambda: items.store.list_many(names, "a"))
    assert many == {"query": 1}
    items.emulator.clear()
    assert len([item async for item in items.store.walk()]) == 10
    assert items.emulator.cross_partition() > 0


# --- all or nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("expired", [False, True])
async def test_what_was_absent_when_looked_for_does_not_outlive_its_deletion(
    items: Items, expired: bool
) -> None:
    """Another commit makes both items between the look and the batch: ours is done after it."""
    if expired:
        await items.store.commit(PARTITION, [create("a", expires_at=NOW - SECOND)])
    items.emulator.clear()
    items.emulator.add(Fault("batch *items", kind="slow", seconds=0.4))
    ours = [Delete(id="a", version=1), put("b", body=b"ours")]
    committing = asyncio.create_task(items.store.commit(PARTITION, ours))
    await items.until_struck("slow")
    await items.other.commit(PARTITION, [create("a"), put("b", body=b"theirs")])
    await committing
    assert {item.id: item.body for item in await items.other.list(PARTITION)} == {"b": b"ours"}


async def test_what_deletes_only_what_is_absent_writes_nothing(items: Items) -> None:
    writes = [Delete(id="a"), Delete(id="b", version=1)]
    made = await requests_of(items, lambda: items.store.commit(PARTITION, writes))
    assert "batch" not in made or made == {"read": 1, "batch": 1, "query": 1}
    assert [item async for item in items.store.walk()] == []


# --- what is remembered --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stale", [replace("a", 1), check("a", 1), Delete(id="a", version=1), create("gone")]
)
async def test_what_another_process_wrote_is_not_overwritten(items: Items, stale: Write) -> None:
    """The first remembers version 1 of all, and writes on the strength of that memory."""
    await items.store.commit(PARTITION, [create("a"), create("b"), create("gone")])
    theirs = [replace("a", 1, body=b"theirs"), Delete(id="gone")]
    await items.other.commit(PARTITION, theirs)
    await items.other.commit(PARTITION, [create("gone", body=b"theirs")])
    assert await refused_place(items.store, [replace("b", 1), stale]) == 1
    found = {item.id: item.body for item in await items.other.list(PARTITION)}
    assert found == {"a": b"theirs", "b": b"created", "gone": b"theirs"}


async def test_what_another_process_wrote_refuses_nothing_that_fits_it(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a"), create("b"), create("c")])
    theirs = [replace("a", 1), Delete(id="b", version=1), check("c", 1)]
    await items.other.commit(PARTITION, theirs)
    assert await refused_place(items.store, [check("c", 1), create("b")]) is None
    assert await refused_place(items.store, [replace("a", 2), Delete(id="c", version=1)]) is None


async def test_a_wrong_memory_costs_a_look_and_is_right_again(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a")])
    await items.other.commit(PARTITION, [check("a", 1)])
    writes = [replace("a", 1), create("b")]
    made = await requests_of(items, lambda: items.store.commit(PARTITION, writes))
    assert made == {"batch": 2, "query": 1}
    following = [replace("a", 2), replace("b", 1)]
    made = await requests_of(items, lambda: items.store.commit(PARTITION, following))
    assert made == {"batch": 1}


async def test_nothing_is_refused_from_memory(items: Items) -> None:
    """What it remembers says no to each of these writes; what is stored says yes."""
    await items.store.commit(PARTITION, [create("a"), create("b"), create("c"), put("d")])
    await items.other.commit(PARTITION, [replace("a", 1), Delete(id="b"), replace("c", 1)])
    writes = [replace("a", 2), create("b"), check("c", 2), put("d")]
    assert await refused_place(items.store, writes) is None


async def test_what_expires_is_not_taken_from_memory(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a", expires_at=NOW + SECOND), create("b")])
    items.clock.now += SECOND
    for stale in (replace("a", 1), check("a", 1)):
        assert await refused_place(items.store, [replace("b", 1), stale]) == 1
    assert await refused_place(items.store, [replace("b", 1), create("a")]) is None


async def test_somebody_who_remembers_nothing_looks_first(items: Items) -> None:
    await items.store.commit(PARTITION, [create("a"), create("b"), create("c")])
    one_write = [replace("a", 1)]
    made = await requests_of(items, lambda: items.other.commit(PARTITION, one_write))
    assert made == {"read": 1, "batch": 1}
    several = [replace("b", 1), check("c", 1), create("d")]
    made = await requests_of(items, lambda: items.other.commit(PARTITION, several))
    assert made == {"query": 1, "batch": 1}


def test_only_so_many_items_are_remembered_and_the_last_ones() -> None:
    versions = Versions(most=3)
    for name in "abc":
        versions.put("p", name, Seen(1, name))
    assert versions.get("p", "a") == Seen(1, "a")
    versions.put("p", "d", Seen(1, "d"))
    versions.put("p", "c", None)
    left = {name: versions.get("p", name) is not None for name in "abcd"}
    assert left == {"a": True, "b": False, "c": False, "d": True}
