"""What `ports.store` promises about what is due: queues, order, pages, moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from therapy.ports.store import MOST_ITEMS, MOST_WRITES, Delete, Item, Store, Write
from therapy.testing.clock import Clock
from therapy.testing.samples import HOUR, MINUTE, NOW, SECOND
from therapy.testing.store.items import (
    OTHER_PARTITION,
    PARTITION,
    check,
    create,
    due_ids,
    one,
    put,
    refused_place,
    replace,
)

TICK = timedelta(microseconds=1)


async def queued(
    store: Store, item_id: str, ago: timedelta, queue: str = "work", partition: str = PARTITION
) -> None:
    await store.commit(partition, [create(item_id, queue=queue, due_at=NOW - ago)])


async def test_what_is_due_is_returned_whole(store: Store) -> None:
    await store.commit(
        PARTITION, [create("a", kind="run", queue="work", due_at=NOW, expires_at=NOW + HOUR)]
    )
    assert await store.due(["work"], NOW, 10) == (await one(store, "a"),)


async def test_what_is_due_later_is_not_returned(store: Store) -> None:
    await queued(store, "at-once", SECOND)
    await queued(store, "later", -SECOND)
    await store.commit(PARTITION, [create("never")])
    assert await due_ids(store, "work") == ["at-once"]
    assert await due_ids(store, "work", now=NOW + SECOND) == ["at-once", "later"]


async def test_what_is_due_much_later_is_found_beyond_a_moment(store: Store) -> None:
    for name, ago in {"now": 0 * HOUR, "soon": -SECOND, "b": -2 * HOUR, "a": -HOUR}.items():
        await queued(store, name, ago)
    soon = Item(partition="~", id="~", kind="moment", body=b"", version=1, due_at=NOW + MINUTE)
    found = await store.due(["work"], datetime.max.replace(tzinfo=UTC), 10, soon)
    assert [item.id for item in found] == ["a", "b"]


async def test_the_moment_asked_about_decides_not_the_clock(store: Store, clock: Clock) -> None:
    await queued(store, "a", -HOUR)
    assert await due_ids(store, "work", now=NOW + HOUR) == ["a"]
    clock.now += 2 * HOUR
    assert await due_ids(store, "work", now=NOW) == []


async def test_moments_are_kept_to_the_microsecond(store: Store) -> None:
    moments = {"b": NOW + TICK, "a": NOW + 2 * TICK, "c": NOW}
    for name, moment in moments.items():
        await store.commit(PARTITION, [create(name, queue="work", due_at=moment)])
        assert (await one(store, name)).due_at == moment
    assert await due_ids(store, "work") == ["c"]
    assert await due_ids(store, "work", now=NOW + TICK) == ["c", "b"]
    assert await due_ids(store, "work", now=NOW + 2 * TICK) == ["c", "b", "a"]


@pytest.mark.parametrize("year", [1, 1969, 1970, 2026, 9998])
async def test_any_year_will_do(store: Store, year: int) -> None:
    moment = datetime(year, 3, 4, 23, 59, 59, 999_999, tzinfo=UTC)
    await store.commit(PARTITION, [create("a", queue="work", due_at=moment)])
    assert [item.due_at for item in await store.due(["work"], moment, 10)] == [moment]
    assert await store.due(["work"], moment - TICK, 10) == ()


async def test_a_moment_is_the_same_in_every_zone(store: Store) -> None:
    east, west = timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))
    for name, zone in {"c": east, "a": west, "b": UTC}.items():
        moment = NOW.astimezone(zone)
        await store.commit(PARTITION, [create(name, queue="work", due_at=moment)])
        assert (await one(store, name)).due_at == moment
    for zone in (east, west, UTC):
        assert await due_ids(store, "work", now=NOW.astimezone(zone)) == ["a", "b", "c"]
        assert await due_ids(store, "work", now=(NOW - TICK).astimezone(zone)) == []


async def test_longest_due_comes_first_whatever_the_partition(store: Store) -> None:
    for at, name in enumerate(["d", "b", "a", "c"]):
        await queued(store, name, at * MINUTE, partition=f"partition-{name}")
    assert await due_ids(store, "work") == ["c", "a", "b", "d"]


async def test_equal_moments_are_in_the_order_of_partition_and_id(store: Store) -> None:
    partitions = ["a", "B", "a-", "a|b", "~", "a~"]
    for partition in partitions:
        for name in ("z", "A", "a"):
            await queued(store, name, SECOND, partition=partition)
    found = [(item.partition, item.id) for item in await store.due(["work"], NOW, 100)]
    assert found == sorted((each, name) for each in partitions for name in ("z", "A", "a"))


async def test_queues_are_merged_and_others_left_alone(store: Store) -> None:
    for at, queue in enumerate(["run.score", "outbox.mail", "upload", "outbox.mail", "of-later"]):
        await queued(store, f"{at}-{queue}", at * MINUTE, queue)
    asked = ["run.score", "outbox.mail", "nothing-in-it"]
    assert await due_ids(store, *asked) == ["3-outbox.mail", "1-outbox.mail", "0-run.score"]
    assert await due_ids(store, "of-later") == ["4-of-later"]
    assert await due_ids(store, "run") == []


async def test_a_queue_named_twice_is_asked_once(store: Store) -> None:
    await queued(store, "a", SECOND)
    assert await due_ids(store, "work", "work") == ["a"]


async def test_no_queue_has_nothing_due(store: Store) -> None:
    await queued(store, "a", SECOND)
    assert await due_ids(store) == []


async def test_queues_that_nobody_knows_are_kept(store: Store) -> None:
    await queued(store, "a", SECOND, "of.a-later_program")
    assert await due_ids(store, "work") == []
    item = await one(store, "a")
    assert (item.queue, item.due_at) == ("of.a-later_program", NOW - SECOND)


async def test_no_more_than_the_limit_is_returned(store: Store) -> None:
    for at in range(4):
        await queued(store, f"{at}", (4 - at) * SECOND, queue=f"queue-{at % 2}")
    assert await due_ids(store, "queue-0", "queue-1", limit=3) == ["0", "1", "2"]
    assert await due_ids(store, "queue-0", "queue-1", limit=1) == ["0"]


async def test_the_most_there_may_be_is_returned(store: Store) -> None:
    names = [f"{at:04}" for at in range(MOST_ITEMS + 1)]
    for at in range(0, len(names), MOST_WRITES):
        writes = [create(name, queue="work", due_at=NOW) for name in names[at : at + MOST_WRITES]]
        await store.commit(PARTITION, writes)
    assert await due_ids(store, "work", limit=MOST_ITEMS) == names[:MOST_ITEMS]


async def paged(store: Store, limit: int) -> list[Item]:
    found: list[Item] = []
    while page := await store.due(["work", "mail"], NOW, limit, found[-1] if found else None):
        assert len(page) <= limit
        assert not any(item in found for item in page)
        found += page
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_pages_make_up_all_that_is_due(store: Store, limit: int) -> None:
    """Most are due at the same moment, so that pages end among equals."""
    for partition in ("b", "a"):
        for at in range(6):
            ago = (0 if at < 4 else at) * SECOND
            await queued(store, f"{at}", ago, ["work", "mail"][at % 2], partition)
    whole = await store.due(["work", "mail"], NOW, 100)
    assert len(whole) == 12
    assert await paged(store, limit) == list(whole)


async def test_a_page_of_what_is_due_goes_on_where_an_item_has_gone(store: Store) -> None:
    for at in range(5):
        await queued(store, f"{at}", SECOND)
    first = await store.due(["work"], NOW, 2)
    later = replace("1", 1, queue="work", due_at=NOW + HOUR)
    await store.commit(PARTITION, [Delete(id="0"), later])
    rest = await store.due(["work"], NOW, 10, first[-1])
    assert [item.id for item in rest] == ["2", "3", "4"]


async def test_what_is_replaced_is_due_as_it_says_now(store: Store) -> None:
    for name in ("done", "later", "moved", "sooner"):
        await queued(store, name, MINUTE)
    await store.commit(
        PARTITION,
        [
            replace("done", 1),
            replace("later", 1, queue="work", due_at=NOW + SECOND),
            replace("moved", 1, queue="mail", due_at=NOW),
            replace("sooner", 1, queue="work", due_at=NOW - HOUR),
        ],
    )
    assert await due_ids(store, "work") == ["sooner"]
    assert await due_ids(store, "work", now=NOW + SECOND) == ["sooner", "later"]
    assert await due_ids(store, "mail") == ["moved"]


async def test_what_is_put_is_due_as_it_says_now(store: Store) -> None:
    await queued(store, "a", MINUTE)
    await store.commit(PARTITION, [put("a"), put("b", queue="work", due_at=NOW)])
    assert await due_ids(store, "work") == ["b"]


async def test_what_is_deleted_is_no_longer_due(store: Store) -> None:
    await queued(store, "a", MINUTE)
    await queued(store, "a", MINUTE, partition=OTHER_PARTITION)
    await store.commit(PARTITION, [Delete(id="a")])
    assert [item.partition for item in await store.due(["work"], NOW, 10)] == [OTHER_PARTITION]


async def test_what_was_refused_is_not_due(store: Store) -> None:
    await queued(store, "a", MINUTE)
    later = replace("a", 1, queue="work", due_at=NOW + HOUR)
    writes: list[Write] = [put("b", queue="work", due_at=NOW), later, check("c", 1)]
    assert await refused_place(store, writes) == 2
    assert await due_ids(store, "work") == ["a"]
