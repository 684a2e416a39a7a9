"""What `ports.store` promises about expired items: they are as if absent, then forgotten; and `walk`."""

from datetime import timedelta

import pytest

from therapy.ports.store import MOST_WRITES, Delete, Item, Store, SupportsWalk, SupportsWipe
from therapy.testing.clock import Clock
from therapy.testing.samples import HOUR, MINUTE, NOW, SECOND
from therapy.testing.store.items import (
    OTHER_PARTITION,
    PARTITION,
    check,
    create,
    due_ids,
    ids,
    must_refuse,
    one,
    put,
    replace,
)

TICK = timedelta(microseconds=1)
SOON = NOW + SECOND


async def expired(store: Store, clock: Clock, *item_ids: str, partition: str = PARTITION) -> None:
    """Leave items that expired a second ago; each is due, too."""
    writes = [
        create(each, queue="work", due_at=NOW - HOUR, expires_at=clock.now + SECOND)
        for each in item_ids
    ]
    await store.commit(partition, writes)
    clock.now += 2 * SECOND


async def test_an_item_is_absent_from_its_last_moment_on(store: Store, clock: Clock) -> None:
    await store.commit(PARTITION, [create("a", queue="work", due_at=NOW, expires_at=SOON)])
    clock.now = SOON - TICK
    assert set(await store.get(PARTITION, "a")) == {"a"}
    assert await ids(store) == ["a"]
    assert await due_ids(store, "work") == ["a"]
    clock.now = SOON
    assert await store.get(PARTITION, "a") == {}
    assert await ids(store) == []
    assert await due_ids(store, "work") == []


async def test_what_never_expires_stays(store: Store, clock: Clock) -> None:
    await store.commit(PARTITION, [create("a")])
    clock.now += 36_500 * 24 * HOUR
    assert await ids(store) == ["a"]


async def test_what_had_expired_when_it_was_written_is_absent(store: Store) -> None:
    await store.commit(PARTITION, [create("a", expires_at=NOW), put("b", expires_at=NOW - HOUR)])
    assert await ids(store) == []


async def test_the_clock_decides_what_has_expired_not_the_moment_asked_about(
    store: Store, clock: Clock
) -> None:
    await store.commit(PARTITION, [create("a", queue="work", due_at=NOW, expires_at=SOON)])
    assert await due_ids(store, "work", now=NOW + HOUR) == ["a"]
    clock.now += HOUR
    assert await due_ids(store, "work", now=NOW) == []


async def test_what_has_expired_blocks_no_create_and_starts_again_at_version_1(
    store: Store, clock: Clock
) -> None:
    await store.commit(PARTITION, [create("a", expires_at=SOON)])
    await store.commit(PARTITION, [replace("a", 1, queue="work", due_at=NOW, expires_at=SOON)])
    clock.now += HOUR
    await store.commit(PARTITION, [create("a")])
    assert await one(store, "a") == Item(
        partition=PARTITION, id="a", kind="note", body=b"created", version=1
    )
    assert await due_ids(store, "work") == []


async def test_writes_take_an_item_for_absent_from_its_last_moment_on(
    store: Store, clock: Clock
) -> None:
    await store.commit(PARTITION, [create(name, expires_at=SOON) for name in ("a", "b", "c")])
    clock.now = SOON - TICK
    await must_refuse(store, create("a"))
    await store.commit(PARTITION, [check("a", 1), replace("b", 1, expires_at=SOON)])
    clock.now = SOON
    await must_refuse(store, check("a", 1))
    await must_refuse(store, replace("b", 2))
    await store.commit(PARTITION, [create("a"), create("b"), Delete(id="c", version=7)])
    assert [(item.id, item.version) for item in await store.list(PARTITION)] == [("a", 1), ("b", 1)]


async def test_what_has_expired_matches_no_version(store: Store, clock: Clock) -> None:
    await expired(store, clock, "a")
    await must_refuse(store, replace("a", 1))
    await must_refuse(store, check("a", 1))


@pytest.mark.parametrize("version", [None, 1, 2])
async def test_what_has_expired_counts_as_deleted(
    store: Store, clock: Clock, version: int | None
) -> None:
    await expired(store, clock, "a")
    await store.commit(PARTITION, [Delete(id="a", version=version), create("b")])
    assert await ids(store) == ["b"]


async def test_what_has_expired_is_put_again(store: Store, clock: Clock) -> None:
    await store.commit(PARTITION, [put("a", expires_at=SOON)])
    before = await one(store, "a")
    clock.now += HOUR
    await store.commit(PARTITION, [put("a", body=b"again")])
    item = await one(store, "a")
    assert (item.body, item.expires_at) == (b"again", None)
    assert item.version != before.version


async def test_what_has_expired_uses_up_no_limit_of_a_list(store: Store, clock: Clock) -> None:
    await expired(store, clock, "a", "b", "y", "z")
    await store.commit(PARTITION, [create("c"), create("d"), create("e")])
    assert await ids(store, limit=2) == ["c", "d"]
    assert await ids(store, limit=2, backwards=True) == ["e", "d"]


async def test_what_has_expired_uses_up_no_limit_of_what_is_due(store: Store, clock: Clock) -> None:
    await expired(store, clock, "a", "b", "c")
    await expired(store, clock, "a", "b", "c", partition=OTHER_PARTITION)
    for name in ("d", "e", "f"):
        await store.commit(PARTITION, [create(name, queue="work", due_at=NOW)])
    assert await due_ids(store, "work", limit=2) == ["d", "e"]


async def test_what_is_replaced_expires_as_it_says_now(store: Store, clock: Clock) -> None:
    names = ("never", "later", "sooner")
    await store.commit(PARTITION, [create(name, expires_at=NOW + MINUTE) for name in names])
    await store.commit(
        PARTITION,
        [
            replace("never", 1),
            replace("later", 1, expires_at=NOW + HOUR),
            replace("sooner", 1, expires_at=SOON),
        ],
    )
    clock.now = SOON
    assert await ids(store) == ["later", "never"]
    clock.now = NOW + MINUTE
    assert await ids(store) == ["later", "never"]
    clock.now = NOW + HOUR
    assert await ids(store) == ["never"]


async def test_a_check_and_a_refused_write_prolong_nothing(store: Store, clock: Clock) -> None:
    await store.commit(PARTITION, [create("a", expires_at=SOON)])
    await store.commit(PARTITION, [check("a", 1)])
    await must_refuse(store, replace("a", 2))
    clock.now = SOON
    assert await ids(store) == []


async def test_only_what_has_expired_is_purged_up_to_the_limit(store: Store, clock: Clock) -> None:
    await store.commit(PARTITION, [create("kept"), create("later", expires_at=NOW + HOUR)])
    await expired(store, clock, "a", "b", "c")
    await expired(store, clock, "a", "b", partition=OTHER_PARTITION)
    numbers = [await store.purge(2) for _ in range(4)]
    assert numbers in ([2, 2, 1, 0], [0, 0, 0, 0])  # or the server does it
    assert await ids(store) == ["kept", "later"]


async def test_nothing_is_purged_without_a_limit_above_0(store: Store, clock: Clock) -> None:
    await expired(store, clock, "a", "b")
    assert [await store.purge(limit) for limit in (0, -1)] == [0, 0]


async def test_what_was_purged_starts_again_at_version_1(store: Store, clock: Clock) -> None:
    await expired(store, clock, "a")
    await store.purge(10)
    await store.commit(PARTITION, [create("a")])
    assert (await one(store, "a")).version == 1


# --- stores that can be walked -------------------------------------------------------------------


async def test_a_walk_visits_every_item_once(store: Store, walked: SupportsWalk) -> None:
    partitions = ["a", "a|b", "~", *(f"partition-{at}" for at in range(3))]
    for partition in partitions:
        writes = [create(f"{at:03}", body=b"%d" % at) for at in range(MOST_WRITES - 1)]
        last = create("last", kind="run", queue="work", due_at=NOW, expires_at=SOON)
        await store.commit(partition, [*writes, last])
    found = [item async for item in walked.walk()]
    listed = [item for partition in partitions for item in await store.list(partition)]
    assert len(found) == len(partitions) * MOST_WRITES
    assert sorted(found, key=lambda item: (item.partition, item.id)) == sorted(
        listed, key=lambda item: (item.partition, item.id)
    )


async def test_a_walk_passes_over_what_has_expired(
    store: Store, walked: SupportsWalk, clock: Clock
) -> None:
    await expired(store, clock, "a", "b")
    await store.commit(PARTITION, [create("c")])
    assert [item.id async for item in walked.walk()] == ["c"]


async def test_a_walk_of_nothing_ends(walked: SupportsWalk) -> None:
    assert [item async for item in walked.walk()] == []


async def test_writing_goes_on_during_a_walk(store: Store, walked: SupportsWalk) -> None:
    names = [f"{at:04}" for at in range(4 * MOST_WRITES)]
    for at in range(0, len(names), MOST_WRITES):
        await store.commit(PARTITION, [create(name) for name in names[at : at + MOST_WRITES]])
    seen = []
    async for item in walked.walk():
        seen.append(item.id)
        if len(seen) == 1:
            await store.commit(PARTITION, [replace(names[0], 1), put("another")])
    assert set(names) <= set(seen)
    assert len(seen) == len(set(seen))


# --- stores whose files are wiped ----------------------------------------------------------------


async def test_wiping_what_was_deleted_leaves_the_rest_as_it_is(store: Store) -> None:
    """What is left in files is up to each adapter's own tests: only they know the files."""
    if not isinstance(store, SupportsWipe):
        pytest.skip("this store needs no wiping: nobody can read what was deleted")
    await store.commit(PARTITION, [create("a"), create("b")])
    await store.commit(PARTITION, [Delete(id="b")])
    await store.wipe_deleted(NOW)
    await store.wipe_deleted(NOW)
    assert [item.id for item in await store.list(PARTITION)] == ["a"]
    await store.commit(PARTITION, [replace("a", 1)])
