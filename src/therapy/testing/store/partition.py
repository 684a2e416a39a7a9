"""What `ports.store` promises about one partition: reading, listing, committing, versions.

What is due is in test_store_due.py, what expires in test_store_expiry.py, bounds in test_store_bounds.py.
"""

from collections.abc import Sequence

import pytest

from therapy.ports.store import (
    MOST_ITEMS,
    MOST_PARTITIONS,
    MOST_WRITES,
    Create,
    Delete,
    Item,
    Store,
    SupportsListMany,
    Write,
)
from therapy.testing.samples import HOUR, NOW
from therapy.testing.store.items import (
    OTHER_PARTITION,
    PARTITION,
    check,
    create,
    ids,
    must_refuse,
    one,
    put,
    replace,
)

SIGNS = ["-", ".", "0", "9", "A", "Z", "_", "a", "z", "|", "~"]
"""In the order of their bytes, which is none of a language."""

BEYOND_COUNTING = 2**70


async def made(store: Store, *item_ids: str, partition: str = PARTITION) -> None:
    for at in range(0, len(item_ids), MOST_WRITES):
        await store.commit(partition, [create(each) for each in item_ids[at : at + MOST_WRITES]])


# --- reading -------------------------------------------------------------------------------------


async def test_an_item_comes_back_as_it_was_written(store: Store) -> None:
    body = bytes(range(256))
    whole = create("a", kind="kind-1", body=body, queue="work", due_at=NOW, expires_at=NOW + HOUR)
    await store.commit(PARTITION, [whole, create("b", body=b"")])
    assert await one(store, "a") == Item(
        partition=PARTITION,
        id="a",
        kind="kind-1",
        body=body,
        version=1,
        queue="work",
        due_at=NOW,
        expires_at=NOW + HOUR,
    )
    assert await one(store, "b") == Item(
        partition=PARTITION, id="b", kind="note", body=b"", version=1
    )


async def test_items_that_are_missing_are_left_out(store: Store) -> None:
    await made(store, "a", "b")
    assert set(await store.get(PARTITION, "b", "missing", "a")) == {"a", "b"}
    assert await store.get(PARTITION, "missing") == {}
    assert await store.get("another", "a") == {}


async def test_asking_for_nothing_gives_nothing(store: Store) -> None:
    await made(store, "a")
    assert await store.get(PARTITION) == {}


async def test_names_may_have_every_sign_and_200_of_them(store: Store) -> None:
    longest = "~|_-.zZaA09" * 18 + "ab"
    assert len(longest) == 200
    await made(store, longest, partition=longest)
    assert (await one(store, longest, longest)).id == longest


async def test_names_differ_in_every_sign(store: Store) -> None:
    names = [*SIGNS, "~a", "~A", "a|", "|a", "a.b", "a_b", "a-b", "ab"]
    for name in names:
        await store.commit(name, [create(each, body=name.encode()) for each in names])
    for name in names:
        items = await store.get(name, *names)
        assert {item.body for item in items.values()} == {name.encode()}
        assert set(items) == set(names)


async def test_kinds_that_nobody_knows_are_kept(store: Store) -> None:
    await store.commit(PARTITION, [create("a", kind="of.a-later_program")])
    assert (await one(store, "a")).kind == "of.a-later_program"


# --- listing -------------------------------------------------------------------------------------


async def test_a_list_is_in_the_order_of_the_bytes(store: Store) -> None:
    names = [first + second for first in SIGNS for second in ["", "-", "a", "~"]]
    await made(store, *reversed(names))
    assert await ids(store) == sorted(names)
    assert await ids(store, backwards=True) == sorted(names, reverse=True)


async def test_a_list_is_of_one_partition(store: Store) -> None:
    await made(store, "ours")
    await made(store, "theirs", partition=OTHER_PARTITION)
    await made(store, "longer", partition=PARTITION + "0")
    assert await ids(store) == ["ours"]
    assert await ids(store, "nowhere") == []


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("prefix", ["a", "a|", "a~", "a_", "a.", "A", "~", "a~~", "b"])
async def test_a_prefix_is_taken_literally(store: Store, prefix: str, backwards: bool) -> None:
    names = [*"aAb~", "a|", "a|b", "a~", "a~~", "a~~b", "a_", "ab", "a.", "ax", "aa", "~~", "a-b"]
    await made(store, *names)
    wanted = sorted((name for name in names if name.startswith(prefix)), reverse=backwards)
    assert await ids(store, prefix=prefix, backwards=backwards) == wanted


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("prefix", ["", "b", "b~"])
@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_make_up_the_whole_list(
    store: Store, prefix: str, backwards: bool, limit: int
) -> None:
    await made(store, "a", "b", "b-", "b1", "b2", "b~", "b~1", "b~~", "c")
    whole = await ids(store, prefix=prefix, backwards=backwards)
    paged: list[str] = []
    while page := await ids(
        store, prefix=prefix, backwards=backwards, limit=limit, after=paged[-1] if paged else ""
    ):
        assert len(page) <= limit
        assert not set(page) & set(paged)
        paged += page
    assert paged == whole
    assert len(whole) == len([name for name in await ids(store) if name.startswith(prefix)])


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_page_goes_on_where_an_item_has_gone(store: Store, backwards: bool) -> None:
    await made(store, "a", "b", "c", "d", "e")
    first = await ids(store, limit=3, backwards=backwards)
    await store.commit(PARTITION, [Delete(id=first[-1])])
    rest = await ids(store, after=first[-1], backwards=backwards)
    assert first + rest == (list("edcba") if backwards else list("abcde"))


async def test_a_page_after_an_id_without_the_prefix_still_has_the_prefix(store: Store) -> None:
    await made(store, "a", "a2", "b1", "b2", "c", "d")
    for after, forwards, backwards in [("a", ["b1", "b2"], []), ("d", [], ["b2", "b1"])]:
        assert await ids(store, prefix="b", after=after) == forwards
        assert await ids(store, prefix="b", after=after, backwards=True) == backwards


async def test_a_list_without_bodies_has_everything_else(store: Store) -> None:
    times = {"queue": "work", "due_at": NOW, "expires_at": NOW + HOUR}
    await store.commit(PARTITION, [create("a", body=b"a" * 100_000, **times), create("b")])
    whole, bare = await store.list(PARTITION), await store.list(PARTITION, bodies=False)
    assert [item.body for item in bare] == [b"", b""]
    fields = [field for field in Item.__struct_fields__ if field != "body"]
    for item, without in zip(whole, bare, strict=True):
        assert [getattr(item, each) for each in fields] == [
            getattr(without, each) for each in fields
        ]


async def test_a_list_ends_at_its_limit_and_at_the_most_there_may_be(store: Store) -> None:
    names = [f"{at:04}" for at in range(MOST_ITEMS + 1)]
    await made(store, *names)
    assert await ids(store, limit=3) == names[:3]
    assert await ids(store, limit=3, backwards=True) == names[:-4:-1]
    assert await ids(store) == names[:MOST_ITEMS]
    assert await ids(store, after=names[MOST_ITEMS - 1]) == names[MOST_ITEMS:]


# --- committing ----------------------------------------------------------------------------------


async def test_a_commit_of_nothing_is_no_error(store: Store) -> None:
    await store.commit(PARTITION, [])
    assert await store.list(PARTITION) == ()


async def test_all_writes_of_a_commit_are_done(store: Store) -> None:
    await made(store, "replaced", "checked", "deleted", "gone", "put")
    before = await one(store, "checked")
    writes: list[Write] = [
        create("created"),
        replace("replaced", 1),
        check("checked", 1),
        Delete(id="deleted"),
        Delete(id="gone", version=1),
        put("put"),
        put("new"),
    ]
    await store.commit(PARTITION, writes)
    bodies = {item.id: item.body for item in await store.list(PARTITION)}
    changed = {"created": b"created", "replaced": b"replaced", "put": b"put", "new": b"put"}
    assert bodies == {"checked": before.body} | changed
    assert await one(store, "checked") == before


async def test_a_commit_may_have_as_many_writes_as_a_list_of_them(store: Store) -> None:
    names = [f"{at:03}" for at in range(MOST_WRITES)]
    await store.commit(PARTITION, [create(name) for name in names])
    await store.commit(PARTITION, [replace(name, 1) for name in names])
    assert [item.version for item in await store.list(PARTITION)] == [2] * MOST_WRITES
    await store.commit(PARTITION, [Delete(id=name) for name in names])
    assert await ids(store) == []


async def test_a_commit_touches_one_partition(store: Store) -> None:
    for partition in (PARTITION, OTHER_PARTITION):
        await made(store, "a", partition=partition)
    await store.commit(PARTITION, [Delete(id="a"), create("b")])
    assert await ids(store, OTHER_PARTITION) == ["a"]


REFUSED: dict[str, Write] = {
    "create what is there": create("there"),
    "replace what is missing": replace("missing", 1),
    "replace another version": replace("there", 1),
    "replace a later version": replace("there", 3),
    "replace what can't be a version": replace("there", 0),
    "replace version 0 of what is missing": replace("missing", 0),
    "replace a version beyond counting": replace("there", BEYOND_COUNTING),
    "check what is missing": check("missing", 1),
    "check version 0 of what is missing": check("missing", 0),
    "check another version": check("there", 1),
    "check a version beyond counting": check("there", BEYOND_COUNTING),
    "delete another version": Delete(id="there", version=1),
    "delete a version beyond counting": Delete(id="there", version=-BEYOND_COUNTING),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("place", [0, 1, 3])
async def test_a_refused_write_is_named_and_nothing_is_written(
    store: Store, what: str, place: int
) -> None:
    await made(store, "there", "other")
    await store.commit(PARTITION, [replace("there", 1)])
    writes: list[Write] = [create("new"), replace("other", 1), put("another")]
    writes.insert(place, REFUSED[what])
    await must_refuse(store, *writes, places=[place])


async def test_of_several_refused_writes_one_is_named(store: Store) -> None:
    await made(store, "a")
    await must_refuse(store, put("b"), create("a"), put("c"), check("d", 1), places=[1, 3])


async def test_a_refused_commit_leaves_what_it_would_have_deleted(store: Store) -> None:
    await made(store, "a", "b")
    await must_refuse(
        store, Delete(id="a"), Delete(id="b", version=1), create("a2"), check("c", 1), places=[3]
    )


# --- versions ------------------------------------------------------------------------------------


async def test_versions_count_the_writes(store: Store) -> None:
    await made(store, "a")
    for version in range(1, 6):
        assert (await one(store, "a")).version == version
        await store.commit(PARTITION, [replace("a", version, body=b"%d" % version)])
    assert (await one(store, "a")).body == b"5"


async def test_a_check_does_not_count(store: Store) -> None:
    await made(store, "a")
    before = await one(store, "a")
    for _ in range(2):
        await store.commit(PARTITION, [check("a", 1)])
    assert await one(store, "a") == before


async def test_what_is_written_over_an_item_has_nothing_of_it(store: Store) -> None:
    old = {"kind": "old", "queue": "work", "due_at": NOW, "expires_at": NOW + HOUR}
    await store.commit(PARTITION, [create("put", **old), create("replaced", **old)])
    new = [put("put", kind="new", body=b""), replace("replaced", 1, kind="new", body=b"")]
    await store.commit(PARTITION, new)
    for item_id in ("put", "replaced"):
        item = await one(store, item_id)
        assert item == Item(
            partition=PARTITION, id=item_id, kind="new", body=b"", version=item.version
        )


async def test_what_is_created_again_starts_at_version_1(store: Store) -> None:
    await made(store, "a")
    await store.commit(PARTITION, [replace("a", 1)])
    await store.commit(PARTITION, [Delete(id="a")])
    await made(store, "a")
    assert (await one(store, "a")).version == 1


@pytest.mark.parametrize("version", [None, 1, 7, BEYOND_COUNTING])
async def test_what_is_absent_counts_as_deleted(store: Store, version: int | None) -> None:
    await store.commit(PARTITION, [Delete(id="a", version=version), create("b")])
    assert await ids(store) == ["b"]


async def test_what_is_put_gets_a_version_that_nobody_has_read(store: Store) -> None:
    steps: list[Sequence[Write]] = [
        *([put("a")], [put("a")], [Delete(id="a")], [create("a")], [replace("a", 1)]),
        *([Delete(id="a")], [put("a")], [Delete(id="a")], [create("a")], [put("a")], [put("a")]),
    ]
    read: list[int] = []
    for writes in steps:
        await store.commit(PARTITION, writes)
        there = await store.get(PARTITION, "a")
        if there:
            assert isinstance(writes[0], Create) or there["a"].version not in read
            read.append(there["a"].version)
    assert len(read) == 8


async def test_what_was_put_is_replaced_checked_and_deleted_by_its_version(store: Store) -> None:
    await store.commit(PARTITION, [put("a")])
    version = (await one(store, "a")).version
    await store.commit(PARTITION, [check("a", version), put("b")])
    await store.commit(PARTITION, [replace("a", version)])
    assert (await one(store, "a")).version == version + 1
    await must_refuse(store, Delete(id="a", version=version))
    await store.commit(PARTITION, [Delete(id="a", version=version + 1)])
    assert await ids(store) == ["b"]


# --- stores that list many partitions at once ----------------------------------------------------


async def test_items_of_many_partitions_are_listed_as_those_of_each_are(
    store: Store, of_many: SupportsListMany
) -> None:
    names = [f"session|practice-1|{at:03}" for at in range(MOST_PARTITIONS)]
    for name in (*names[::9], "session|practice-1|other"):
        await store.commit(name, [create("run-2", body=b"2"), create("run-1"), create("runs")])
        await store.commit(name, [create("run-0", expires_at=NOW), replace("run-1", 1, body=b"!")])
    found = await of_many.list_many(names[::-1], "run-")
    assert list(found) == [item for name in names for item in await store.list(name, "run-")]
    assert len(found) == 2 * len(names[::9])
    assert await of_many.list_many([], "run-") == ()


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        ([f"{at}" for at in range(MOST_PARTITIONS + 1)], ""),
        ([PARTITION, "a b"], ""),
        ([PARTITION], "a%"),
    ],
)
async def test_listing_many_out_of_bounds_is_an_error(
    of_many: SupportsListMany, names: list[str], prefix: str
) -> None:
    with pytest.raises(ValueError, match=r"."):
        await of_many.list_many(names, prefix)
