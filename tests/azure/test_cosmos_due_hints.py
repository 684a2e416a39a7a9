"""The hints of what is due: announced before the commit, verified and cleaned by whoever looks."""

import asyncio

import pytest

from tests.azure.cosmos_items import Items
from tests.builders import HOUR, MINUTE, NOW, SECOND
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.due_hints import SHARDS
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.domain.errors import Unavailable
from therapy.ports.store import LAST_MOMENT, Create, Delete, Store
from therapy.testing.store.items import PARTITION, check, create, due_ids, put, replace

pytestmark = pytest.mark.emulator


def queued(
    item_id: str, due_at: object = NOW, queue: str = "run.score", **fields: object
) -> Create:
    return create(item_id, queue=queue, due_at=due_at, **fields)


async def moments(items: Items) -> list[str]:
    return [hint["at"].partition("-")[0] for hint in await items.hints()]


async def swept(store: Store, *queues: str, now: object = NOW) -> list[str]:
    return await due_ids(store, *queues or ["run.score"], now=now)


# --- announcing ----------------------------------------------------------------------------------


async def test_a_commit_makes_one_hint_for_all_that_gets_due(items: Items) -> None:
    writes = [
        queued("a", NOW + MINUTE),
        queued("b", NOW, "outbox.notice"),
        queued("c", NOW + HOUR, "outbox.notice"),
        create("d"),
    ]
    await items.store.commit(PARTITION, writes)
    (hint,) = await items.hints()
    assert hint["at"].startswith(stamp(NOW) + "-")
    assert (hint["partition"], hint["queues"]) == (PARTITION, ["outbox.notice", "run.score"])


async def test_what_was_put_is_announced_whatever_was_there(items: Items) -> None:
    await items.store.commit(PARTITION, [queued("a")])
    await items.store.commit(PARTITION, [put("a", queue="run.score", due_at=NOW + HOUR)])
    assert await moments(items) == [stamp(NOW), stamp(NOW + HOUR)]


async def test_what_comes_in_place_of_something_expired_is_announced(items: Items) -> None:
    await items.store.commit(PARTITION, [queued("a", expires_at=NOW + SECOND)])
    items.clock.now += MINUTE
    await items.store.commit(PARTITION, [queued("a", NOW + HOUR)])
    assert await moments(items) == [stamp(NOW), stamp(NOW + HOUR)]


async def test_a_commit_that_is_tried_again_announces_once(items: Items) -> None:
    await items.store.commit(PARTITION, [create("session")])
    await items.other.commit(PARTITION, [replace("session", 1)])
    items.emulator.add(Fault("batch *items", kind="race", times=3))
    await items.other.commit(PARTITION, [replace("session", 2), queued("a")])
    assert await moments(items) == [stamp(NOW)]


# --- a writer that dies or is slow ---------------------------------------------------------------


async def test_a_writer_that_dies_between_hint_and_commit_leaves_nothing_due(
    settled: Items,
) -> None:
    settled.emulator.add(Fault("batch *items", status=503, times=None))
    with pytest.raises(Unavailable):
        await settled.store.commit(PARTITION, [queued("a")])
    settled.emulator.clear()
    assert await moments(settled) == [stamp(NOW)]
    assert await swept(settled.other) == []
    assert await moments(settled) == []


async def test_nothing_is_written_that_could_not_be_announced(items: Items) -> None:
    items.emulator.add(Fault("create *hints", status=503, times=None))
    with pytest.raises(Unavailable):
        await items.store.commit(PARTITION, [queued("a")])
    items.emulator.clear()
    assert await items.store.list(PARTITION) == ()


async def test_a_commit_that_comes_after_its_hint_was_looked_at_is_found(items: Items) -> None:
    items.emulator.add(Fault("batch *items", kind="slow", seconds=1.5))
    writing = asyncio.create_task(items.store.commit(PARTITION, [queued("a")]))
    async with asyncio.timeout(60):
        while not await items.hints():  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.01)
    assert await swept(items.other, now=NOW + HOUR) == []
    await writing
    assert await swept(items.other) == ["a"]


async def test_a_writer_that_dies_after_the_commit_leaves_what_is_due(items: Items) -> None:
    # The answer is lost, and from then on the store is out of reach.
    gone = [Fault(f"{kind} *items", status=503, times=None) for kind in ("batch", "read")]
    items.emulator.add(Fault("batch *items", kind="lost"), *gone)
    with pytest.raises(Unavailable):
        await items.store.commit(PARTITION, [queued("a")])
    items.emulator.clear()
    assert await swept(items.other) == ["a"]


# --- cleaning ------------------------------------------------------------------------------------


async def test_hints_that_may_belong_to_a_commit_on_its_way_are_left_alone(items: Items) -> None:
    await items.store.commit(PARTITION, [queued("a")])
    await items.store.commit(PARTITION, [Delete(id="a")])
    assert await swept(items.other) == []
    assert await moments(items) == [stamp(NOW)]


async def test_all_is_cleaned_when_nothing_is_left_to_do(settled: Items) -> None:
    for at in range(4):
        await settled.store.commit(PARTITION, [queued(f"{at}", NOW + at * SECOND)])
    await settled.store.commit(PARTITION, [Delete(id=f"{at}") for at in range(4)])
    assert len(await settled.hints()) == 4
    assert await swept(settled.other, now=NOW + MINUTE) == []
    assert await settled.hints() == []


async def test_what_was_checked_may_be_another_item_of_the_version_that_was_seen(
    settled: Items,
) -> None:
    """A check finds the version right; that the item is announced, nobody has seen of this one."""
    await settled.store.commit(PARTITION, [queued("a")])
    await settled.other.commit(PARTITION, [Delete(id="a")])
    assert await swept(settled.other) == []
    await settled.other.commit(PARTITION, [create("a")])
    await settled.store.commit(PARTITION, [check("a", 1)])
    await settled.store.commit(PARTITION, [replace("a", 1, queue="run.score", due_at=NOW)])
    assert await swept(settled.other) == ["a"]


async def test_hints_move_to_the_next_moment_of_their_partition(settled: Items) -> None:
    await settled.store.commit(PARTITION, [queued("a"), queued("b", queue="outbox.notice")])
    postponed = [
        replace("a", 1, queue="run.score", due_at=NOW + HOUR),
        replace("b", 1, queue="outbox.notice", due_at=NOW + MINUTE),
    ]
    await settled.store.commit(PARTITION, postponed)
    assert await swept(settled.other) == []
    (hint,) = await settled.hints()
    assert hint["at"].startswith(stamp(NOW + MINUTE))
    assert hint["queues"] == ["outbox.notice", "run.score"]
    assert await swept(settled.other, now=NOW + MINUTE) == []
    assert await swept(settled.other, "outbox.notice", now=NOW + MINUTE) == ["b"]
    assert await swept(settled.other, now=NOW + HOUR) == ["a"]


async def test_hints_move_on_for_who_looks_into_the_future_and_only_once_their_moment_has_come(
    settled: Items,
) -> None:
    await settled.store.commit(PARTITION, [queued("a"), queued("b", NOW + HOUR)])
    await settled.store.commit(PARTITION, [Delete(id="a")])
    assert await swept(settled.other, now=LAST_MOMENT) == ["b"]
    moved = await settled.hints()
    assert [hint["at"].partition("-")[0] for hint in moved] == [stamp(NOW + HOUR)]
    assert await swept(settled.other, now=LAST_MOMENT) == ["b"]
    assert await settled.hints() == moved


async def test_what_only_a_later_program_does_stays_announced_to_it(settled: Items) -> None:
    """The older one sees a hint of both queues and finds nothing of its own to do."""
    writes = [queued("a", NOW), queued("b", NOW, "outbox.of-a-later-program")]
    await settled.store.commit(PARTITION, writes)
    await settled.store.commit(PARTITION, [Delete(id="a")])
    before = await settled.hints()
    assert await swept(settled.other) == []
    assert await settled.hints() == before
    assert await swept(settled.other, "outbox.of-a-later-program") == ["b"]


async def test_what_only_a_later_program_will_do_stays_announced_to_it(settled: Items) -> None:
    writes = [queued("a", NOW), queued("b", NOW + HOUR, "outbox.of-a-later-program")]
    await settled.store.commit(PARTITION, writes)
    await settled.store.commit(PARTITION, [Delete(id="a")])
    assert await swept(settled.other) == []
    assert await moments(settled) == [stamp(NOW + HOUR)]
    assert await swept(settled.other, "outbox.of-a-later-program", now=NOW + HOUR) == ["b"]


async def test_hints_of_unknown_queues_only_are_not_even_looked_at(settled: Items) -> None:
    for at in range(30):
        later = queued("a", NOW, "outbox.of-a-later-program")
        await settled.store.commit(f"p{at}", [later])
    settled.emulator.clear()
    assert await swept(settled.other) == []
    assert settled.requests() == {"query": SHARDS}


async def test_what_has_expired_keeps_no_hint_once_every_clock_says_so(settled: Items) -> None:
    expiring = queued("a", NOW, expires_at=NOW + MINUTE)
    await settled.store.commit(PARTITION, [expiring, queued("b", NOW + HOUR)])
    assert await swept(settled.other) == ["a"]
    settled.clock.now += MINUTE + SECOND
    assert await swept(settled.other) == []
    assert await moments(settled) == [stamp(NOW + HOUR)]


async def test_several_sweeps_at_once_do_no_harm(settled: Items) -> None:
    for at in range(6):
        await settled.store.commit(f"p{at}", [queued("a")])
        done = Delete(id="a") if at % 2 else replace("a", 1, queue="run.score", due_at=NOW + HOUR)
        await settled.store.commit(f"p{at}", [done])
    await asyncio.gather(*(swept(store) for store in (settled.store, settled.other) * 2))
    found = await settled.other.due(["run.score"], NOW + HOUR, 10)
    assert [item.partition for item in found] == ["p0", "p2", "p4"]


# --- finding -------------------------------------------------------------------------------------


async def test_a_partition_that_fails_is_left_out_and_found_again(settled: Items) -> None:
    for name in ("p0", "p1"):
        await settled.store.commit(name, [queued("a")])
    # Both are asked at once, and each up to three times: one of them in vain.
    settled.emulator.add(Fault("query *items", status=503, times=5))
    assert len(await settled.store.due(["run.score"], NOW, 10)) == 1
    settled.emulator.clear()
    assert len(await settled.store.due(["run.score"], NOW, 10)) == 2


async def test_a_damaged_item_hides_no_other_partition(settled: Items) -> None:
    for name in ("p0", "p1"):
        await settled.store.commit(name, [queued("a")])
    document = await settled.document("a", "p0")
    kept = {name: document[name] for name in ("kind", "version", "queue", "due")}
    await settled.cosmos.items.put("p0", "a", {**kept, "packed": "AAAA"})
    found = await settled.store.due(["run.score"], NOW, 10)
    assert [item.partition for item in found] == ["p1"]


async def test_an_index_that_fails_is_told(items: Items) -> None:
    items.emulator.add(Fault("query *hints", status=503, times=None))
    with pytest.raises(Unavailable):
        await items.store.due(["run.score"], NOW, 10)


async def test_the_longest_due_come_first_although_hints_come_early(items: Items) -> None:
    """30 items whose hints are early and whose true moments are in the reverse order."""
    for at in range(30):
        await items.store.commit(f"p{at:02}", [queued("a", NOW + at * SECOND)])
        later = replace("a", 1, queue="run.score", due_at=NOW + (100 - at) * SECOND)
        await items.store.commit(f"p{at:02}", [later])
    found = await items.other.due(["run.score"], NOW + HOUR, 5)
    assert [item.partition for item in found] == ["p29", "p28", "p27", "p26", "p25"]


async def test_those_that_are_due_at_the_same_moment_come_in_the_order_of_their_names(
    items: Items,
) -> None:
    for at in reversed(range(40)):
        await items.store.commit(f"p{at:02}", [queued("b"), queued("a")])
    found = await items.other.due(["run.score"], NOW, 3)
    assert [(item.partition, item.id) for item in found] == [
        ("p00", "a"),
        ("p00", "b"),
        ("p01", "a"),
    ]


async def test_a_long_queue_costs_no_more_than_what_is_asked_for(items: Items) -> None:
    for at in range(120):
        await items.store.commit(f"p{at:03}", [queued("a", NOW + at * SECOND)])
    items.emulator.clear()
    found = await items.other.due(["run.score"], NOW + HOUR, 20)
    assert [item.partition for item in found] == [f"p{at:03}" for at in range(20)]
    assert items.requests()["query"] <= 2 * (20 + 2 * SHARDS) + 10
