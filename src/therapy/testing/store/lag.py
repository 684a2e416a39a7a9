"""What `ports.store` promises between processes: what one has written others see, at once or after a `lag`.

A store without `SupportsLag` is never late. One with it is so at most with what others have written.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta

from therapy.ports.store import Delete, Store, SupportsLag
from therapy.testing.optional_promises import given
from therapy.testing.store.items import PARTITION, create, replace

AnotherStore = Callable[[], AbstractAsyncContextManager[Store]]
Behind = Callable[[], AbstractContextManager[object]]

LOOKS = 20
"""How often, a lag apart, is looked for what another process has written: the lag holds as a rule only."""

NOWHERE = [0, 0, 0]


async def versions(store: Store) -> list[int]:
    """Return the version of "a" as it is read alone, among others and in a list; 0 where it is missed."""
    alone, among = await store.get(PARTITION, "a"), await store.get(PARTITION, "a", "b")
    listed = {item.id: item for item in await store.list(PARTITION)}
    return [found["a"].version if "a" in found else 0 for found in (alone, among, listed)]


async def sees(store: Store, wanted: list[int]) -> bool:
    """Return whether a store reads these versions: at once, or within some times its lag."""
    lag = store.lag if isinstance(store, SupportsLag) else timedelta()
    for _ in range(LOOKS if lag else 1):
        if await versions(store) == wanted:
            return True
        await asyncio.sleep(lag.total_seconds())
    return False


async def test_what_another_process_has_written_is_seen_at_once_or_after_the_lag(
    store: Store, another_store: AnotherStore | None
) -> None:
    async with given(another_store, "another_store")() as another:
        for here, there in ((store, another), (another, store)):
            await there.commit(PARTITION, [create("a")])
            assert await sees(here, [1, 1, 1])
            await there.commit(PARTITION, [replace("a", 1)])
            assert await sees(here, [2, 2, 2])
            await there.commit(PARTITION, [Delete(id="a")])
            assert await sees(here, NOWHERE)


async def test_a_lag_is_a_span_of_time(lagging: SupportsLag) -> None:
    assert isinstance(lagging.lag, timedelta)
    assert lagging.lag >= timedelta()


async def test_what_this_process_has_written_is_always_seen(
    store: Store, lagging: SupportsLag, behind: Behind | None
) -> None:
    with given(behind, "behind")():
        await store.commit(PARTITION, [create("a")])
        assert await versions(store) == [1, 1, 1]
        await store.commit(PARTITION, [replace("a", 1)])
        assert await versions(store) == [2, 2, 2]
        await store.commit(PARTITION, [Delete(id="a")])
        assert await versions(store) == NOWHERE


async def test_what_this_process_has_read_before_is_always_seen(
    store: Store,
    lagging: SupportsLag,
    another_store: AnotherStore | None,
    behind: Behind | None,
) -> None:
    fall_behind = given(behind, "behind")
    async with given(another_store, "another_store")() as another:
        await another.commit(PARTITION, [create("a")])
        assert await sees(store, [1, 1, 1])
        await another.commit(PARTITION, [replace("a", 1)])
        assert await sees(store, [2, 2, 2])
        with fall_behind():
            assert await versions(store) == [2, 2, 2]
