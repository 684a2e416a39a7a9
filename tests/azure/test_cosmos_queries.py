"""What a query finds is taken out of its answers, and is what the SDK itself would return."""

from collections.abc import AsyncIterator

import pytest

from tests.azure.cosmos_stores import after_the_sdks_own
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.queries import taking_items

pytestmark = pytest.mark.emulator

SPLIT = {"x-ms-substatus": "1002"}
"""What Cosmos says where a partition is no longer one: the SDK looks where it is now, and asks again."""

HALF = "\ud83d"
"""Half of an emoji: JSON for Cosmos and for Python, but no text for msgspec."""


@pytest.fixture
async def opened(cosmos: Emulator) -> AsyncIterator[Cosmos]:
    """An empty database whose containers' forms are known."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        await opened.items.put("p", "first", {"said": "שלום", "scores": [0.5, None, {"at": 2**53}]})
        await after_the_sdks_own(opened)
        yield opened


async def found_by_the_sdk(opened: Cosmos) -> list[object]:
    proxy = opened.database.get_container_client("practice-items")
    return [each async for each in proxy.query_items("SELECT * FROM c", partition_key="p")]


async def test_items_come_as_the_sdk_itself_returns_them(opened: Cosmos) -> None:
    found = await opened.items.query("p", "c.id = 'first'", select="*")
    assert found == await found_by_the_sdk(opened)
    assert found[0]["scores"] == [0.5, None, {"at": 2**53}]


async def test_an_answer_that_msgspec_refuses_is_left_to_the_sdk(opened: Cosmos) -> None:
    await opened.items.put("p", "second", {"said": HALF})
    found = await opened.items.query("p", "c.id IN ('first', 'second')", select="VALUE c.said")
    assert sorted(found) == ["שלום", HALF]


async def test_a_partition_that_moves_between_two_pages_repeats_none(
    opened: Cosmos, cosmos: Emulator
) -> None:
    names = {f"item-{number}" for number in range(5)}
    for name in names:
        await opened.items.put("q", name, {})
    first, moved = Fault(on="query *", kind="slow"), Fault(on="query *", status=410, headers=SPLIT)
    cosmos.add(first, moved)
    found: list[str] = []
    proxy = opened.database.get_container_client("practice-items")
    pages = proxy.query_items(
        "SELECT VALUE c.id FROM c",
        partition_key="q",
        max_item_count=2,
        raw_response_hook=taking_items(found, lambda _: None),
    )
    async for _ in pages.by_page():
        pass
    assert cosmos.seen()["containers"]["practice-items"]["struck"]["410"]
    assert sorted(found) == sorted(names)
