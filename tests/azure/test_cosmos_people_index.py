"""The search over people on Cosmos: writers that are late, race or lose their answers; what a call costs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.batch_steps import Fields
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container_requests import Container, Item
from therapy.adapters.azure.cosmos.people_index import CosmosPeopleIndex
from therapy.adapters.azure.cosmos.session_index_items import GONE_FOR
from therapy.domain.errors import Unavailable
from therapy.domain.people import Role
from therapy.testing.person_entries import PATIENT, PRACTICE, a_patient, named, put, search

pytestmark = pytest.mark.emulator

Before = Callable[[], Awaitable[object]]


@pytest.fixture
async def opened(cosmos: Emulator) -> AsyncIterator[Cosmos]:
    """An empty account. Failed calls are repeated without a pause."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        cosmos.clear()
        yield opened


@pytest.fixture
def people_index(opened: Cosmos) -> CosmosPeopleIndex:
    return CosmosPeopleIndex(opened)


class Watched(Container):
    """A container that does something of the test's before each write that has a condition."""

    def __init__(self, container: Container, before: Before) -> None:
        super().__init__(container._proxy, ())
        self._before = before

    async def create(self, pk: str, item_id: str, fields: Fields) -> Item | None:
        await self._before()
        return await super().create(pk, item_id, fields)

    async def replace(self, old: Item, fields: Fields) -> Item | None:
        await self._before()
        return await super().replace(old, fields)


def watched(opened: Cosmos, before: Before) -> CosmosPeopleIndex:
    index = CosmosPeopleIndex(opened)
    index._container = Watched(opened.people_index, before)
    return index


@pytest.mark.parametrize("overtaken_by", ["a newer entry", "a removal"])
@pytest.mark.parametrize("there", [True, False], ids=["there before", "new"])
async def test_a_writer_that_was_overtaken_changes_nothing(
    overtaken_by: str, there: bool, opened: Cosmos, people_index: CosmosPeopleIndex
) -> None:
    """It stands still between reading and writing while somebody else writes."""
    if there:
        await put(people_index, a_patient())
    here, go_on = asyncio.Event(), asyncio.Event()

    async def stand_still() -> None:
        here.set()
        await go_on.wait()

    late = asyncio.create_task(watched(opened, stand_still).put(PRACTICE, a_patient(sequence=2)))
    await here.wait()
    if overtaken_by == "a removal":
        await people_index.remove(PRACTICE, PATIENT)
    else:
        await put(people_index, a_patient(sequence=3, full_name="Newer Name"))
    go_on.set()
    await late
    assert await search(people_index, "newer") == ([] if overtaken_by == "a removal" else [PATIENT])
    assert await search(people_index, "jordan white") == []


async def test_a_writer_that_loses_every_race_says_so(
    opened: Cosmos, people_index: CosmosPeopleIndex
) -> None:
    await put(people_index, a_patient())
    index = watched(opened, lambda: people_index.put(PRACTICE, a_patient()))
    with pytest.raises(Unavailable) as caught:
        await index.put(PRACTICE, a_patient(sequence=2))
    assert caught.value.details["reason"] == "contended"


async def test_what_stays_of_a_removed_person_says_nothing_and_expires(
    opened: Cosmos, people_index: CosmosPeopleIndex
) -> None:
    await put(people_index, a_patient())
    await people_index.remove(PRACTICE, PATIENT)
    left = await opened.people_index.read("practice|practice-1", "person-patient-1")
    assert left is not None
    own = {name: value for name, value in left.items() if not name.startswith("_")}
    assert own == {
        "id": "person-patient-1",
        "pk": "practice|practice-1",
        "mark": left["mark"],
        "removed": True,
        "ttl": GONE_FOR,
    }


@pytest.mark.parametrize("kind", ["lost", "reset"])
async def test_a_lost_answer_or_connection_is_not_noticed(
    kind: str, cosmos: Emulator, people_index: CosmosPeopleIndex
) -> None:
    operations = ("read", "create", "replace", "upsert", "query")
    cosmos.add(*(Fault(f"{operation} *", kind=kind) for operation in operations))
    await put(people_index, a_patient(), a_patient(sequence=2), *named("a"))
    await people_index.remove(PRACTICE, PATIENT)
    assert await search(people_index) == ["id-0"]
    seen = cosmos.seen()["containers"]["practice-person-entries"]
    assert seen["struck"] == {kind: len(operations)}


async def test_each_call_asks_one_partition_and_as_often_as_it_must(
    cosmos: Emulator, people_index: CosmosPeopleIndex
) -> None:
    async def asked(call: Awaitable[object]) -> dict[str, int]:
        cosmos.clear()
        await call
        assert cosmos.cross_partition() == 0
        seen = cosmos.seen()["containers"]["practice-person-entries"]
        return {kind: number for kind, number in seen["operations"].items() if kind != "meta"}

    assert await asked(people_index.put(PRACTICE, a_patient())) == {"create": 1}
    newer = people_index.put(PRACTICE, a_patient(sequence=2))
    assert await asked(newer) == {"read": 1, "replace": 1}
    again = await asked(people_index.put(PRACTICE, a_patient()))
    assert again == {"create": 1, "read": 2}, "refused, and then looked at"
    await put(people_index, *named("a", "b", "c"))
    for role in (Role.PATIENT, None):
        for limit in (2, 10):
            wanted = people_index.search(PRACTICE, role, "example", "", limit)
            assert await asked(wanted) == {"query": 1}
            (query,) = {each["query"] for each in cosmos.seen()["queries"]}
            assert "c.pk = @pk AND c." in query, "a range of the index of one partition"
    assert await asked(people_index.remove(PRACTICE, PATIENT)) == {"upsert": 1}
    assert await asked(people_index.put(PRACTICE, a_patient(sequence=3))) == {"read": 1}
