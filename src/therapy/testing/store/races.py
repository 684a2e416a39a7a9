"""What `ports.store` promises when many commit at once: all or nothing, and one of them wins."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from therapy.ports.store import Delete, Store, Write
from therapy.testing.store.items import (
    OTHER_PARTITION,
    PARTITION,
    check,
    create,
    ids,
    one,
    put,
    refused_place,
    replace,
)

MANY = 12


async def at_once(store: Store, *commits: Sequence[Write]) -> list[int | None]:
    """Commit all of them at once and return which write of each was refused."""
    return await asyncio.gather(*(refused_place(store, writes) for writes in commits))


async def test_of_those_who_create_an_id_at_once_one_wins(store: Store) -> None:
    bodies = [b"%d" % at for at in range(MANY)]
    refused = await at_once(store, *([create("a", body=body)] for body in bodies))
    assert Counter(refused) == {None: 1, 0: MANY - 1}
    item = await one(store, "a")
    assert (item.version, item.body) == (1, bodies[refused.index(None)])


async def test_of_those_who_replace_a_version_at_once_one_wins(store: Store) -> None:
    await store.commit(PARTITION, [create("a")])
    bodies = [b"%d" % at for at in range(MANY)]
    refused = await at_once(store, *([replace("a", 1, body=body)] for body in bodies))
    assert Counter(refused) == {None: 1, 0: MANY - 1}
    item = await one(store, "a")
    assert (item.version, item.body) == (2, bodies[refused.index(None)])


async def test_of_those_who_use_something_up_one_wins(store: Store) -> None:
    await store.commit(PARTITION, [create("token")])
    use_it = [[replace("token", 1, kind="used"), create(f"{at:02}")] for at in range(MANY)]
    refused = await at_once(store, *use_it)
    assert refused.count(None) == 1
    assert await ids(store) == [f"{refused.index(None):02}", "token"]
    assert await at_once(store, *use_it) == [0] * MANY


async def test_nobody_is_lost_who_reads_and_tries_again(store: Store) -> None:
    await store.commit(PARTITION, [create("sum", body=b"0")])

    async def add_one() -> None:
        while True:
            item = await one(store, "sum")
            body = b"%d" % (int(item.body) + 1)
            if await refused_place(store, [replace("sum", item.version, body=body)]) is None:
                return

    await asyncio.gather(*(add_one() for _ in range(MANY)))
    item = await one(store, "sum")
    assert (item.version, item.body) == (MANY + 1, b"%d" % MANY)


async def test_a_commit_is_done_whole_or_not_at_all(store: Store) -> None:
    await store.commit(PARTITION, [create("a"), create("b"), create("c")])
    commits = [
        [replace(each, 1, body=b"%d" % at) for each in ("abc", "bca", "cab")[at % 3]]
        for at in range(MANY)
    ]
    refused = await at_once(store, *commits)
    assert refused.count(None) == 1
    winner = b"%d" % refused.index(None)
    assert [item.body for item in await store.list(PARTITION)] == [winner] * 3


async def test_what_is_checked_can_not_change_meanwhile(store: Store) -> None:
    """Each checks what the other changes: done one after the other, the later one is refused."""
    await store.commit(PARTITION, [create("a"), create("b")])
    for _ in range(5):
        before = await store.get(PARTITION, "a", "b")
        a, b = before["a"].version, before["b"].version
        refused = await at_once(
            store, [check("a", a), replace("b", b)], [check("b", b), replace("a", a)]
        )
        assert Counter(refused)[None] == 1


async def test_nothing_is_added_to_what_is_gone(store: Store) -> None:
    """A draft is written only with a look at its session; erasing takes both, whoever comes first."""
    for at in range(6):
        await store.commit(PARTITION, [create("session")])
        draft, erased = await at_once(
            store,
            [check("session", 1), create("draft")],
            [Delete(id="session"), create(f"erased-{at}")],
        )
        assert erased is None
        assert (await ids(store, prefix="draft") == []) == (draft == 0)
        await store.commit(PARTITION, [Delete(id="draft")])


async def test_those_who_put_at_once_all_succeed(store: Store) -> None:
    bodies = [b"%d" % at for at in range(MANY)]
    refused = await at_once(store, *([put("a", body=body)] for body in bodies))
    assert refused == [None] * MANY
    assert (await one(store, "a")).body in bodies


async def test_those_who_write_different_items_at_once_all_succeed(store: Store) -> None:
    refused = await at_once(store, *([create(f"{at:02}")] for at in range(MANY)))
    assert refused == [None] * MANY
    assert await ids(store) == [f"{at:02}" for at in range(MANY)]


async def test_partitions_do_not_get_in_each_others_way(store: Store) -> None:
    partitions = [PARTITION, OTHER_PARTITION] * 3
    refused = await asyncio.gather(
        *(refused_place(store, [create("a")], partition) for partition in partitions)
    )
    assert Counter(refused) == {None: 2, 0: 4}
