"""What `ports` promises of a store's `check` and `examine`: they change nothing, and tell that it is away.

For a store that answers for itself; ours are checked by the database that they share with their indexes.
"""

from therapy.ports.store import Store
from therapy.testing.optional_promises import CutOff, ask_what_is_cut_off, ask_what_is_well
from therapy.testing.samples import NOW
from therapy.testing.store.items import OTHER_PARTITION, PARTITION, create, due_ids


async def test_a_check_of_a_store_changes_nothing(store: Store) -> None:
    await store.commit(PARTITION, [create("a", queue="work", due_at=NOW), create("b")])
    before = await store.list(PARTITION)
    await ask_what_is_well(store)
    assert await store.list(PARTITION) == before
    assert await store.list(OTHER_PARTITION) == ()
    assert await due_ids(store, "work") == ["a"]


async def test_a_check_tells_of_a_store_that_is_out_of_reach(
    store: Store, cut_off: CutOff | None
) -> None:
    await store.commit(PARTITION, [create("a")])
    await ask_what_is_cut_off(store, cut_off)
