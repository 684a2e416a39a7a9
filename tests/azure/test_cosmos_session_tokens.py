"""What a process has seen of a container is what its reads are answered from, however it finds that out."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy

from tests.azure.cosmos_stores import after_the_sdks_own
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.batch_steps import Step
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container_requests import Container
from therapy.adapters.azure.cosmos.session_tokens import (
    CONTAINER_PATH,
    SESSION_TOKEN,
    SessionTokens,
)

pytestmark = pytest.mark.emulator

BEHIND = Fault("read *", kind="stale", seconds=60, times=None)
OF_ANOTHER_RANGE = {SESSION_TOKEN: "7:-1#3"}


@pytest.fixture
async def opened(cosmos: Emulator) -> AsyncIterator[Cosmos]:
    """An empty database whose containers' forms are known."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        await opened.items.put("p", "first", {"n": 0})
        await after_the_sdks_own(opened)
        cosmos.clear()
        yield opened


async def found_by_read_and_query(box: Container) -> list[int]:
    read = await box.read("p", "a")
    asked = await box.query("p", "c.id = @id", select="VALUE c.n", id="a")
    return [read["n"] if read else 0, *asked]


async def test_reads_of_a_container_with_one_range_ask_for_no_ranges(
    opened: Cosmos, cosmos: Emulator
) -> None:
    assert await opened.items.batch("p", [Step("create", "a", {"n": 1})]) is None
    assert await found_by_read_and_query(opened.items) == [1, 1]
    asked = {name: each["operations"] for name, each in cosmos.seen()["containers"].items()}
    assert asked == {"practice-items": {"batch": 1, "read": 1, "query": 1}}


@pytest.mark.parametrize("ranges", ["one range", "several ranges"])
async def test_a_replica_that_is_behind_is_asked_for_what_was_seen(
    ranges: str, opened: Cosmos, cosmos: Emulator
) -> None:
    tokens = SessionTokens(opened.database.get_container_client("practice-items"))
    if ranges == "several ranges":
        tokens.note(OF_ANOTHER_RANGE)
    assert await opened.items.batch("p", [Step("create", "a", {"n": 1})]) is None
    assert (tokens.newest() is None) == (ranges == "several ranges")
    cosmos.add(BEHIND)
    assert await found_by_read_and_query(opened.items) == [1, 1]


class Queried:
    """The SDK's container; `asked` has how each query was asked for, and `changes` are made to that."""

    def __init__(self, proxy: ContainerProxy, **changes: Any) -> None:
        self._proxy, self._changes = proxy, changes
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy, name)

    def query_items(self, query: str, **options: Any) -> Any:
        self.asked.append(options)
        return self._proxy.query_items(query, **(options | self._changes))


class Failover(Queried):
    """One whose session is forgotten while a query is asked, as the SDK does if no replica reaches it."""

    def query_items(self, query: str, **options: Any) -> Any:
        session: Any = self._proxy.client_connection.session
        session.clear_session_token({CONTAINER_PATH: self._proxy.container_link})
        return super().query_items(query, **options)


async def test_a_query_that_is_repeated_asks_for_no_session_that_was_forgotten(
    opened: Cosmos, cosmos: Emulator
) -> None:
    assert await opened.items.batch("p", [Step("create", "a", {"n": 1})]) is None
    lost: Any = Failover(opened.database.get_container_client("practice-items"))
    cosmos.add(Fault("query *", status=404))
    assert await Container(lost, (0.0,)).query("p", "c.id = @id", select="VALUE c.n", id="a") == [1]
    assert [each["session_token"] is None for each in lost.asked] == [False, True]


async def test_a_query_of_several_partitions_names_the_size_of_its_pages(opened: Cosmos) -> None:
    """-1 leaves it to Cosmos, but where the SDK puts pages together itself it takes it for no item at all."""
    asked: Any = Queried(opened.database.get_container_client("practice-items"))
    assert len(await Container(asked).query_many(["p", "q"], "c.n >= @n", n=0)) == 1
    assert asked.asked[0]["max_item_count"] > 0


async def test_a_query_has_the_items_of_all_its_pages(opened: Cosmos, cosmos: Emulator) -> None:
    for first in range(0, 300, 100):
        steps = [Step("create", f"{number:03}") for number in range(first, first + 100)]
        assert await opened.items.batch("many", steps) is None
    cosmos.clear()
    container = opened.database.get_container_client("practice-items")
    small: Any = Queried(container, max_item_count=100)
    found = await Container(small).query("many", "c.id < @end", select="VALUE c.id", end="9")
    assert sorted(found) == [f"{number:03}" for number in range(300)]
    assert cosmos.seen()["containers"]["practice-items"]["operations"] == {"query": 3}
