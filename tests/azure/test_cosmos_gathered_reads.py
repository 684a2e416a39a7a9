"""Items of a partition that many ask for at once are read by few queries, and nobody gets what was before."""

import asyncio

import pytest

from tests.azure.cosmos_items import Items
from tests.emulators.faults import Fault
from therapy.domain.errors import Unavailable
from therapy.testing.store.items import PARTITION, create, put

pytestmark = pytest.mark.emulator

PEOPLE = [f"person-{number:02}" for number in range(30)]
SLOW = Fault("query *items", kind="slow", seconds=0.5)


@pytest.fixture
async def written(items: Items) -> Items:
    await items.store.commit(PARTITION, [create("practice"), *map(create, PEOPLE[:-1])])
    items.emulator.clear()
    return items


async def test_what_thirty_people_ask_for_at_once_is_read_by_few_queries(written: Items) -> None:
    asked = [written.store.get(PARTITION, "practice", each) for each in PEOPLE]
    found = await asyncio.gather(*asked)
    assert [sorted(each) for each in found[:-1]] == [sorted({"practice", p}) for p in PEOPLE[:-1]]
    assert sorted(found[-1]) == ["practice"]
    assert written.requests()["query"] <= 3


async def test_who_asks_while_a_query_is_under_way_gets_what_is_there_then(written: Items) -> None:
    written.emulator.add(SLOW)
    first = asyncio.create_task(written.store.get(PARTITION, "practice", "person-00"))
    await written.until_struck("slow")
    await written.other.commit(PARTITION, [put("practice", body=b'{"n":2}')])
    second = await written.store.get(PARTITION, "practice", "person-00")
    assert second["practice"].body == b'{"n":2}'
    assert not first.done()  # nobody waits for a query that hangs
    await first


async def test_a_query_that_fails_fails_only_those_who_asked_for_it(written: Items) -> None:
    written.emulator.add(Fault("query *items", status=403, times=1))
    asked = [
        asyncio.create_task(written.store.get(PARTITION, "practice", each)) for each in PEOPLE[:2]
    ]
    asked[0].cancel()
    with pytest.raises(Unavailable):
        await asked[1]
    assert len(await written.store.get(PARTITION, *PEOPLE[:2])) == 2
