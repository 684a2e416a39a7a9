"""A Cosmos that throttles in short steps, fails over, or answers from a replica that is behind.

A 404 with a sub-status says nothing of an item, so that none of these calls may take it for "not there".
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.azure.cosmos_stores import after_the_sdks_own
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.batch_steps import Step
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container_requests import Container, Item
from therapy.domain.errors import Unavailable

pytestmark = pytest.mark.emulator

SHORT: dict[str, Any] = {"status": 429, "headers": {"x-ms-retry-after-ms": "5"}}
MISSING = {"x-ms-substatus": "1003"}


async def batched(box: Container, old: Item) -> object:
    return await box.batch("p", [Step("replace", "a", {"n": 2}, old["_etag"])])


Call = Callable[[Container, Item], Awaitable[object]]
CALLS: dict[str, Call] = {
    "read": lambda box, _: box.read("p", "a"),
    "query": lambda box, _: box.query("p", "c.n > @n", select="*", n=0),
    "create": lambda box, _: box.create("p", "new", {"n": 1}),
    "replace": lambda box, old: box.replace(old, {"n": 2}),
    "upsert": lambda box, _: box.put("p", "a", {"n": 2}),
    "delete": lambda box, old: box.delete("p", "a", old["_etag"]),
    "batch": batched,
}
WRITTEN = {"create": None, "upsert": None, "delete": True, "batch": None}


@pytest.fixture
async def opened(cosmos: Emulator) -> AsyncIterator[Cosmos]:
    """An empty database. Failed calls are repeated without a pause."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        cosmos.clear()
        yield opened


async def one_item(box: Container) -> Item:
    await box.put("p", "a", {"n": 1})
    found = await box.read("p", "a")
    assert found is not None
    return found


@pytest.mark.parametrize("operation", CALLS)
async def test_thirty_429s_of_five_milliseconds_are_waited_out(
    operation: str, opened: Cosmos, cosmos: Emulator
) -> None:
    old = await one_item(opened.items)
    cosmos.add(Fault(f"{operation} *", **SHORT, times=30))
    answer = await CALLS[operation](opened.items, old)
    assert answer == WRITTEN.get(operation, answer)
    assert opened.meter.throttled == 30


async def test_thirty_429s_inside_a_batch_are_waited_out(opened: Cosmos, cosmos: Emulator) -> None:
    old = await one_item(opened.items)
    cosmos.add(Fault("batch *", "inside", **SHORT, times=30))
    assert await batched(opened.items, old) is None
    found = await opened.items.read("p", "a")
    assert found is not None
    assert found["n"] == 2


async def test_a_throttled_query_waits_no_longer_than_other_calls(cosmos: Emulator) -> None:
    """The SDK retries each of a query's retries."""
    async with empty_cosmos(cosmos, patience=0.1, throttled_tries=5) as opened:
        cosmos.add(Fault("query *", **SHORT, times=None))
        with pytest.raises(Unavailable) as told_so:
            await opened.items.query("p", "c.n > @n", select="*", n=0)
        assert told_so.value.details == {"reason": "throttled", "status": 429}
        assert opened.meter.throttled == 21


@pytest.mark.parametrize("kind", ["status", "inside"])
async def test_how_long_and_how_often_a_throttled_call_is_repeated_is_set(
    kind: str, cosmos: Emulator
) -> None:
    async with empty_cosmos(cosmos, patience=0.02, throttled_tries=3) as opened:
        cosmos.add(Fault("batch *", kind, **SHORT, times=None))
        with pytest.raises(Unavailable) as told_so:
            await opened.items.batch("p", [Step("create", "a")])
        assert told_so.value.details == {"reason": "throttled", "status": 429}
        # Three tries more, or until waits of 5 ms are 20 ms together.
        tried = {"status": 4, "inside": 5}
        assert cosmos.seen()["containers"]["practice-items"]["operations"]["batch"] == tried[kind]


@pytest.mark.parametrize("operation", CALLS)
async def test_a_replica_that_is_behind_is_not_an_item_that_is_absent(
    operation: str, opened: Cosmos, cosmos: Emulator
) -> None:
    old = await one_item(opened.items)
    cosmos.add(Fault(f"{operation} *", status=404, times=None))
    with pytest.raises(Unavailable) as told_so:
        await CALLS[operation](opened.items, old)
    assert told_so.value.details == {"reason": "behind", "status": 404}
    assert cosmos.seen()["containers"]["practice-items"]["struck"] == {"404": 3}
    cosmos.clear()
    assert (await opened.items.read("p", "a")) == old
    cosmos.add(Fault(f"{operation} *", status=404, times=2))
    answer = await CALLS[operation](opened.items, old)
    assert answer == WRITTEN.get(operation, answer)


@pytest.mark.parametrize("operation", CALLS)
async def test_a_container_that_is_missing_is_not_an_item_that_is_absent(
    operation: str, opened: Cosmos, cosmos: Emulator
) -> None:
    old = await one_item(opened.items)
    cosmos.add(Fault(f"{operation} *", status=404, headers=MISSING))
    with pytest.raises(Unavailable) as told_so:
        await CALLS[operation](opened.items, old)
    assert told_so.value.details == {"reason": "missing", "status": 404}


async def test_a_container_whose_replica_is_behind_is_not_made_anew(
    opened: Cosmos, cosmos: Emulator
) -> None:
    await after_the_sdks_own(opened)
    cosmos.add(Fault("meta", status=404))
    with pytest.raises(Unavailable) as told_so:
        await opened.check()
    assert told_so.value.details == {"reason": "behind", "status": 404}
