"""What `ports.store` promises about what is out of bounds: a ValueError, and nothing is written."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from therapy.domain.errors import TooLarge
from therapy.ports.store import MOST_BYTES, MOST_ITEMS, MOST_WRITES, Delete, Item, Store, Write
from therapy.testing.samples import NOW
from therapy.testing.store.items import PARTITION, check, create, ids, one, put, replace

NAIVE = NOW.replace(tzinfo=None)
NO_NAMES = ["", " ", "a b", "a/b", "a\\b", "a:b", "a\n", "\n", "a\x00", "ä", "א", "٣", "a" * 201]

WRITES: dict[str, Sequence[Write]] = {
    **{f"id {name!r}": [create(name)] for name in NO_NAMES},
    **{f"kind {name!r}": [create("a", kind=name)] for name in NO_NAMES},
    **{f"queue {name!r}": [create("a", queue=name, due_at=NOW)] for name in NO_NAMES},
    "the id of a check": [check("a b", 1)],
    "the id of a delete": [Delete(id="a b")],
    "one id twice": [create("a"), put("a")],
    "one id changed and checked": [create("a"), check("a", 1)],
    "one id deleted twice": [Delete(id="a"), Delete(id="a")],
    "a queue without a moment": [put("a", queue="work")],
    "a moment without a queue": [replace("a", 1, due_at=NOW)],
    "a naive moment when due": [create("a", queue="work", due_at=NAIVE)],
    "a naive moment of expiry": [create("a", expires_at=NAIVE)],
    "too many": [create(f"{at}") for at in range(MOST_WRITES)],
}


@pytest.mark.parametrize("what", WRITES)
async def test_writes_out_of_bounds_are_an_error_and_nothing_is_written(
    store: Store, what: str
) -> None:
    for writes in ([create("first"), *WRITES[what]], [*WRITES[what], create("last")]):
        with pytest.raises(ValueError, match=r"."):
            await store.commit(PARTITION, writes)
    assert await ids(store) == []


@pytest.mark.parametrize("name", NO_NAMES)
async def test_a_partition_out_of_bounds_is_an_error(store: Store, name: str) -> None:
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: store.commit(name, [create("a")]),
        lambda: store.commit(name, []),
        lambda: store.get(name, "a"),
        lambda: store.list(name),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"."):
            await call()


AFTER = Item(partition=PARTITION, id="a", kind="note", body=b"", version=1)
READS: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "an id": lambda store: store.get(PARTITION, "a", "a b"),
    "a prefix": lambda store: store.list(PARTITION, "a%"),
    "an id to go on after": lambda store: store.list(PARTITION, after="a b"),
    "a list of nothing": lambda store: store.list(PARTITION, limit=0),
    "a list of less": lambda store: store.list(PARTITION, limit=-1),
    "too long a list": lambda store: store.list(PARTITION, limit=MOST_ITEMS + 1),
    "a queue": lambda store: store.due(["work", "a b"], NOW, 10),
    "a queue without a name": lambda store: store.due([""], NOW, 10),
    "nothing of what is due": lambda store: store.due(["work"], NOW, 0),
    "less of what is due": lambda store: store.due(["work"], NOW, -1),
    "too much of what is due": lambda store: store.due(["work"], NOW, MOST_ITEMS + 1),
    "a naive moment": lambda store: store.due(["work"], NAIVE, 10),
    "to go on after what is never due": lambda store: store.due(["work"], NOW, 10, AFTER),
}


@pytest.mark.parametrize("what", READS)
async def test_reading_out_of_bounds_is_an_error(store: Store, what: str) -> None:
    await store.commit(PARTITION, [create("a", queue="work", due_at=NOW - timedelta(days=1))])
    with pytest.raises(ValueError, match=r"."):
        await READS[what](store)


async def test_bodies_up_to_the_most_bytes_are_written(store: Store) -> None:
    bodies = {"a": b"a" * (MOST_BYTES - 1), "b": b"b"}
    await store.commit(PARTITION, [create(name, body=body) for name, body in bodies.items()])
    for name, body in bodies.items():
        assert (await one(store, name)).body == body


async def test_more_bytes_than_that_are_too_large_and_nothing_is_written(store: Store) -> None:
    half = b"a" * (MOST_BYTES // 2)
    with pytest.raises(TooLarge):
        await store.commit(PARTITION, [create("a", body=half), put("b", body=half + b"a")])
    assert await ids(store) == []
