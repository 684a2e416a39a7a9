"""What `ports.store` promises when many commit at once: all or nothing, and one of them wins.

And of a commit whose answer is lost: it is done or not, and refused only if it was.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from therapy.domain.errors import Unavailable
from therapy.ports.store import Delete, Refused, Store, Write
from therapy.testing.optional_promises import given
from therapy.testing.store.items import (
    OTHER_PARTITION,
    PARTITION,
    Losing,
    check,
    create,
    ids,
    one,
    put,
    refused_place,
    replace,
)

MANY = 12

BEFORE = {"a": b"created", "b": b"created"}
DONE: dict[str, tuple[Sequence[Write], dict[str, bytes]]] = {
    "create": ([create("new")], BEFORE | {"new": b"created"}),
    "replace": ([replace("a", 1)], BEFORE | {"a": b"replaced"}),
    "put": ([put("a")], BEFORE | {"a": b"put"}),
    "put-new": ([put("new")], BEFORE | {"new": b"put"}),
    "check": ([check("a", 1)], BEFORE),
    "delete": ([Delete(id="a")], {"b": b"created"}),
    "delete-version": ([Delete(id="a", version=1)], {"b": b"created"}),
    "several": (
        [check("b", 1), replace("a", 1), create("new"), put("newer")],
        {"a": b"replaced", "b": b"created", "new": b"created", "newer": b"put"},
    ),
}
"""Commits by a name, and what is there once they are done where BEFORE was."""


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


# --- when an answer is lost ----------------------------------------------------------------------


async def test_a_commit_whose_answer_is_lost_is_never_refused_and_done_whole_or_not_at_all(
    store: Store, losing: Losing | None
) -> None:
    """Whoever is told that it was done finds it; "unavailable" says nothing of what is there."""
    lose = given(losing, "losing")
    for name, (writes, after) in DONE.items():
        partition = f"{PARTITION}-{name}"
        await store.commit(partition, [create("a"), create("b")])
        told = True
        with lose():
            try:
                await store.commit(partition, writes)
            except Unavailable:
                told = False
        found = {item.id: item.body for item in await store.list(partition)}
        assert found == after or (not told and found == BEFORE), name


async def test_a_commit_that_is_refused_changes_nothing_though_its_answer_is_lost(
    store: Store, losing: Losing | None
) -> None:
    lose = given(losing, "losing")
    await store.commit(PARTITION, [create("a"), create("b")])
    before = await store.list(PARTITION)
    refused: list[list[Write]] = [
        [create("a", body=b"another")],
        [replace("a", 2)],
        [put("new"), check("b", 2)],
        [create("new"), Delete(id="a", version=2)],
    ]
    for writes in refused:
        with lose(), pytest.raises((Refused, Unavailable)):
            await store.commit(PARTITION, writes)
        assert await store.list(PARTITION) == before
