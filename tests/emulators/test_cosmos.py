"""The Cosmos emulator against the real SDK: what the adapter leans on, each mended gap, each fault."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

pytest.importorskip("azure.cosmos")

from azure.core import MatchConditions
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from tests.emulators.cosmos import Cosmos
from tests.emulators.faults import Fault

pytestmark = pytest.mark.emulator
NAMES = (f"test{number}" for number in itertools.count())


@pytest.fixture
async def database(cosmos: Cosmos) -> AsyncIterator[DatabaseProxy]:
    client = CosmosClient(
        cosmos.url,
        credential=cosmos.key,
        enable_endpoint_discovery=False,
        retry_total=0,
        retry_throttle_total=-1,  # the SDK takes 0 for "not said", which is 9
    )
    async with client:
        made = await client.create_database(next(NAMES))
        yield made
        await client.delete_database(made)


@pytest.fixture
async def box(database: DatabaseProxy) -> ContainerProxy:
    return await database.create_container("box", PartitionKey("/pk"))


async def test_an_item_is_created_once_read_replaced_and_deleted(box: ContainerProxy) -> None:
    made = await box.create_item({"id": "a", "pk": "p", "text": "שלום"})
    assert made["_etag"].startswith('"')
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await box.create_item({"id": "a", "pk": "p"})
    await box.create_item({"id": "a", "pk": "another"})
    read = await box.read_item("a", "p")
    assert read["text"] == "שלום"
    await box.replace_item("a", read | {"text": "two"})
    assert (await box.read_item("a", "p"))["text"] == "two"
    await box.delete_item("a", "p")
    for missing in (
        box.read_item("a", "p"),
        box.delete_item("a", "p"),
        box.replace_item("a", read),
    ):
        with pytest.raises(exceptions.CosmosResourceNotFoundError):
            await missing
    assert (await box.read_item("a", "another"))["id"] == "a"


async def test_a_stale_etag_is_refused_everywhere(box: ContainerProxy) -> None:
    old = await box.create_item({"id": "a", "pk": "p", "n": 1})
    new = await box.replace_item("a", old | {"n": 2})
    stale = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
    for late in (
        box.replace_item("a", old, **stale),
        box.upsert_item(old, **stale),
        box.delete_item("a", "p", **stale),
        box.patch_item("a", "p", [{"op": "set", "path": "/n", "value": 3}], **stale),
    ):
        with pytest.raises(exceptions.CosmosAccessConditionFailedError):
            await late
    fresh = {"etag": new["_etag"], "match_condition": MatchConditions.IfNotModified}
    assert (await box.replace_item("a", new | {"n": 3}, **fresh))["n"] == 3


async def test_a_query_with_a_partition_key_sees_that_partition_only(
    box: ContainerProxy, cosmos: Cosmos
) -> None:
    for partition, number in itertools.product("pq", range(25)):
        await box.create_item({"id": f"{number:02}", "pk": partition, "n": number})
    pages = box.query_items(
        "SELECT VALUE c.n FROM c WHERE c.n >= @least ORDER BY c.n DESC",
        parameters=[{"name": "@least", "value": 1}],
        partition_key="p",
        max_item_count=10,
    ).by_page()
    sizes = [[number async for number in page] async for page in pages]
    assert [len(page) for page in sizes] == [10, 10, 4]
    assert [number for page in sizes for number in page] == list(range(24, 0, -1))
    window = box.query_items("SELECT * FROM c OFFSET 3 LIMIT 2", partition_key="q")
    assert [item["pk"] async for item in window] == ["q", "q"]
    assert cosmos.cross_partition("box") == 0
    everything = box.query_items("SELECT VALUE COUNT(1) FROM c")
    assert [count async for count in everything] == [50]
    assert len([item async for item in box.read_all_items()]) == 50
    assert cosmos.cross_partition("box") >= 2
    seen = cosmos.seen()
    assert seen["containers"]["box"]["operations"]["create"] == 50
    assert {"query": "SELECT * FROM c OFFSET 3 LIMIT 2", "cross_partition": False}.items() <= next(
        query for query in seen["queries"] if "OFFSET" in query["query"]
    ).items()


async def test_paging_goes_on_from_a_continuation(box: ContainerProxy) -> None:
    for number in range(5):
        await box.create_item({"id": str(number), "pk": "p"})
    query = {"query": "SELECT * FROM c ORDER BY c.id", "partition_key": "p", "max_item_count": 2}
    first = box.query_items(**query).by_page()
    assert [item["id"] async for item in await anext(first)] == ["0", "1"]
    again = box.query_items(**query).by_page(first.continuation_token)
    assert [item["id"] async for item in await anext(again)] == ["2", "3"]


async def test_a_batch_is_all_or_nothing(box: ContainerProxy) -> None:
    kept = await box.create_item({"id": "kept", "pk": "p", "n": 1})
    done = await box.execute_item_batch(
        [
            ("create", ({"id": "new", "pk": "p"},)),
            ("replace", ("kept", kept | {"n": 2}), {"if_match_etag": kept["_etag"]}),
            ("patch", ("new", [{"op": "add", "path": "/x", "value": 1}])),
            ("upsert", ({"id": "up", "pk": "p"},)),
            ("read", ("kept",)),
            ("delete", ("up",)),
        ],
        partition_key="p",
    )
    assert [step["statusCode"] for step in done] == [201, 200, 200, 201, 200, 204]
    assert done[4]["resourceBody"]["n"] == 2
    before = await box.read_item("kept", "p")
    with pytest.raises(exceptions.CosmosBatchOperationError) as refused:
        await box.execute_item_batch(
            [
                ("delete", ("new",)),
                ("create", ({"id": "late", "pk": "p"},)),
                ("replace", ("kept", kept), {"if_match_etag": kept["_etag"]}),
            ],
            partition_key="p",
        )
    assert refused.value.error_index == 2
    assert [step["statusCode"] for step in refused.value.operation_responses] == [424, 424, 412]
    assert await box.read_item("kept", "p") == before
    assert {item["id"] async for item in box.read_all_items()} == {"kept", "new"}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # 2 MB is the point
async def test_limits_are_those_of_the_documentation(box: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as large:
        await box.create_item({"id": "large", "pk": "p", "text": "x" * 2 * 1024 * 1024})
    assert large.value.status_code == 413
    steps = [("create", ({"id": str(number), "pk": "p"},)) for number in range(101)]
    with pytest.raises(exceptions.CosmosHttpResponseError) as many:
        await box.execute_item_batch(steps, partition_key="p")
    assert many.value.status_code == 400
    await box.execute_item_batch(steps[:100], partition_key="p")
    with pytest.raises(exceptions.CosmosBatchOperationError) as foreign:
        await box.execute_item_batch([("create", ({"id": "x", "pk": "q"},))], partition_key="p")
    assert foreign.value.status_code == 400


@pytest.mark.slow
async def test_items_expire_by_the_container_and_by_themselves(database: DatabaseProxy) -> None:
    tokens = await database.create_container("tokens", PartitionKey("/pk"), default_ttl=-1)
    short = await database.create_container("short", PartitionKey("/pk"), default_ttl=1)
    off = await database.create_container("off", PartitionKey("/pk"))
    await tokens.create_item({"id": "goes", "pk": "p", "ttl": 1})
    await tokens.create_item({"id": "stays", "pk": "p"})
    await short.create_item({"id": "goes", "pk": "p"})
    await short.create_item({"id": "stays", "pk": "p", "ttl": -1})
    await off.create_item({"id": "stays", "pk": "p", "ttl": 1})
    await asyncio.sleep(2.1)
    for container in (tokens, short, off):
        assert [item["id"] async for item in container.read_all_items()] == ["stays"]


async def test_a_container_keeps_its_items_when_its_settings_are_replaced(
    database: DatabaseProxy, box: ContainerProxy
) -> None:
    await box.create_item({"id": "a", "pk": "p"})
    await database.replace_container(box, PartitionKey("/pk"), default_ttl=500)
    assert (await box.read())["defaultTtl"] == 500
    assert (await box.read_item("a", "p"))["id"] == "a"


async def test_a_patch_predicate_keeps_its_case(box: ContainerProxy) -> None:
    await box.create_item({"id": "a", "pk": "p", "State": "Open", "n": 1})
    more = [{"op": "incr", "path": "/n", "value": 1}]
    await box.patch_item("a", "p", more, filter_predicate="from c where c.State = 'Open'")
    with pytest.raises(exceptions.CosmosAccessConditionFailedError):
        await box.patch_item("a", "p", more, filter_predicate="from c where c.State = 'Shut'")
    assert (await box.read_item("a", "p"))["n"] == 2


async def test_unique_keys_and_hierarchical_keys_hold(database: DatabaseProxy) -> None:
    unique = await database.create_container(
        "unique", PartitionKey("/pk"), unique_key_policy={"uniqueKeys": [{"paths": ["/mail"]}]}
    )
    await unique.create_item({"id": "a", "pk": "p", "mail": "x"})
    for taken in (unique.create_item, unique.upsert_item):
        with pytest.raises(exceptions.CosmosResourceExistsError):
            await taken({"id": "b", "pk": "p", "mail": "x"})
    deep = await database.create_container("deep", PartitionKey(["/a", "/b"], kind="MultiHash"))
    await deep.create_item({"id": "1", "a": "x", "b": "y"})
    await deep.create_item({"id": "1", "a": "x", "b": "z"})
    assert (await deep.read_item("1", ["x", "z"]))["b"] == "z"


@pytest.mark.parametrize("status", [429, 449, 500, 503, 408])
async def test_a_scripted_status_does_nothing_and_passes(
    status: int, box: ContainerProxy, cosmos: Cosmos
) -> None:
    cosmos.add(Fault("create box", status=status, headers={"x-ms-retry-after-ms": "7"}))
    with pytest.raises(exceptions.CosmosHttpResponseError) as failed:
        await box.create_item({"id": "a", "pk": "p"})
    assert failed.value.status_code == status
    assert failed.value.headers["x-ms-retry-after-ms"] == "7"
    await box.create_item({"id": "a", "pk": "p"})
    assert cosmos.seen()["containers"]["box"]["struck"] == {str(status): 1}


@pytest.mark.parametrize(("kind", "there"), [("reset", False), ("lost", True)])
async def test_a_reset_before_or_after_the_work(
    kind: str, *, there: bool, box: ContainerProxy, cosmos: Cosmos
) -> None:
    cosmos.add(Fault("create *", kind=kind))
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        await box.create_item({"id": "a", "pk": "p"})
    assert [item["id"] async for item in box.read_all_items()] == (["a"] if there else [])


async def test_a_race_is_another_writer_just_before_us(box: ContainerProxy, cosmos: Cosmos) -> None:
    made = await box.create_item({"id": "a", "pk": "p"})
    cosmos.add(Fault("batch *", kind="race"), Fault("replace *", kind="race"))
    condition = {"etag": made["_etag"], "match_condition": MatchConditions.IfNotModified}
    for _ in range(2):
        with pytest.raises(exceptions.CosmosAccessConditionFailedError):
            await box.replace_item("a", made, **condition)
    now = await box.read_item("a", "p")
    step = ("replace", ("a", now), {"if_match_etag": now["_etag"]})
    with pytest.raises(exceptions.CosmosBatchOperationError):
        await box.execute_item_batch([step], partition_key="p")
    now = await box.read_item("a", "p")
    step = ("replace", ("a", now), {"if_match_etag": now["_etag"]})
    await box.execute_item_batch([step], partition_key="p")


async def test_a_slow_answer_and_one_that_never_comes(box: ContainerProxy, cosmos: Cosmos) -> None:
    cosmos.add(Fault("read *", kind="slow", seconds=0.2), Fault("read *", kind="stall"))
    await box.create_item({"id": "a", "pk": "p"})
    await asyncio.wait_for(box.read_item("a", "p"), 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(box.read_item("a", "p"), 0.3)


async def test_chance_is_seeded(box: ContainerProxy, cosmos: Cosmos) -> None:
    async def failures() -> list[int]:
        cosmos.clear(seed=7)
        cosmos.add(Fault("upsert *", times=None, chance=0.3))
        failed = []
        for number in range(20):
            try:
                await box.upsert_item({"id": "a", "pk": "p"})
            except exceptions.CosmosHttpResponseError:
                failed.append(number)
        return failed

    first = await failures()
    assert 0 < len(first) < 20
    assert await failures() == first


async def charged(call: Awaitable[Any]) -> float:
    """What the service says that a call has cost."""
    answer: Any = await call
    return float(answer.get_response_headers()["x-ms-request-charge"])


async def test_replacing_is_charged_twice_an_insert_and_reading_by_size(
    box: ContainerProxy, cosmos: Cosmos
) -> None:
    small, large = {"pk": "p", "text": "x" * 800}, {"pk": "p", "text": "x" * 100_000}
    assert await charged(box.create_item(small | {"id": "s"})) == 5
    assert await charged(box.create_item(large | {"id": "l"})) == pytest.approx(50, rel=0.1)
    assert await charged(box.read_item("s", "p")) == 1
    assert await charged(box.read_item("l", "p")) == pytest.approx(10, rel=0.1)
    for again in (
        box.replace_item("s", small | {"id": "s"}),
        box.upsert_item(small | {"id": "s"}),
        box.patch_item("s", "p", [{"op": "set", "path": "/n", "value": 1}]),
    ):
        assert await charged(again) == 10
    steps = [("create", (small | {"id": "new"},)), ("replace", ("s", small | {"id": "s"}))]
    assert await charged(box.execute_item_batch(steps, partition_key="p")) == 15
    cosmos.clear()
    found = box.query_items("SELECT c.id FROM c", partition_key="p")  # loads all three
    assert len([each async for each in found]) == 3
    assert cosmos.request_units() == pytest.approx(3 + 0.1 * 101, rel=0.1)


async def test_words_of_an_indexed_array_are_charged_when_they_change(
    database: DatabaseProxy,
) -> None:
    policy = {"includedPaths": [{"path": "/words/[]/?"}], "excludedPaths": [{"path": "/*"}]}
    box = await database.create_container("box", PartitionKey("/pk"), indexing_policy=policy)
    item = {"id": "a", "pk": "p", "words": ["calm", "sleep", "sad", "well"]}
    assert await charged(box.create_item(item)) == 6
    assert await charged(box.replace_item("a", item)) == 10
    assert await charged(box.replace_item("a", item | {"words": ["calm"]})) == 10.75


async def test_a_replica_that_is_behind_has_what_a_session_token_covers(
    box: ContainerProxy, cosmos: Cosmos
) -> None:
    made: Any = await box.create_item({"id": "a", "pk": "p", "n": 1})
    token = made.get_response_headers()["x-ms-session-token"]
    await box.replace_item("a", made | {"n": 2})
    cosmos.add(Fault("* box", kind="stale", seconds=60, times=None))
    assert (await box.read_item("a", "p", session_token=token))["n"] == 1
    found = box.query_items("SELECT * FROM c", partition_key="p", session_token=token)
    assert [each["n"] async for each in found] == [1]
    assert (await box.read_item("a", "p"))["n"] == 2  # the SDK has the token of its last write
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await box.read_item("a", "p", session_token="0:-1#0")
    with pytest.raises(exceptions.CosmosResourceNotFoundError) as ahead:
        await box.read_item("a", "p", session_token="0:-1#99")
    assert ahead.value.sub_status == 1002


async def test_what_is_in_a_missing_container_is_told_from_a_missing_item(
    database: DatabaseProxy, box: ContainerProxy
) -> None:
    for sub_status in (None, 1003):
        with pytest.raises(exceptions.CosmosResourceNotFoundError) as missing:
            await box.read_item("a", "p")
        assert missing.value.sub_status == sub_status
        if not sub_status:
            await database.delete_container("box")


async def test_what_is_kept_of_a_database_is_put_back_with_its_etags(
    database: DatabaseProxy, box: ContainerProxy, cosmos: Cosmos
) -> None:
    stays = await box.create_item({"id": "stays", "pk": "p"})
    await box.create_item({"id": "goes", "pk": "p"})
    kept = cosmos.keep(database.id)
    assert cosmos.keep(database.id) == kept
    await box.delete_item("goes", "p")
    await box.replace_item("stays", {"id": "stays", "pk": "p", "text": "two"})
    await box.create_item({"id": "comes", "pk": "p"})
    assert cosmos.keep(database.id) != kept
    cosmos.put_back(database.id, kept)
    found = [each async for each in box.query_items("SELECT * FROM c", partition_key="p")]
    assert [each["id"] for each in found] == ["stays", "goes"]
    assert found[0] == stays
