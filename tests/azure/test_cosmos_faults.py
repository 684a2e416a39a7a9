"""Cosmos that throttles, breaks and loses answers: every call of every store, told as one story."""

import asyncio
import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from tests.azure.cosmos_stores import Stores, outcome, story
from tests.builders import NOW, PRACTICE, SESSION, a_run, a_session, an_item
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.reservations import CosmosReservations
from therapy.domain.errors import LeaseLost, TherapyError, Unavailable
from therapy.ports.sessions import Change

pytestmark = pytest.mark.xdist_group("cosmos")

OPERATIONS = ("read", "query", "create", "replace", "upsert", "delete", "batch")
THROTTLED = {"status": 429, "headers": {"x-ms-retry-after-ms": "3"}}
PASSING = {
    "throttled, reset and out of order": (
        Fault(**THROTTLED, times=2),
        Fault(kind="reset"),
        Fault(status=503),
    ),
    "its answer lost": (Fault(kind="lost"), Fault(status=500)),
    "timed out": (Fault(status=408), Fault(status=449)),
}


async def told(stores: Stores, *faults: Fault) -> list[Any]:
    """Tell the story; each call meets these faults anew."""
    given = []
    for step in story(stores):
        stores.emulator.clear()
        stores.emulator.add(*faults)
        given.append(await outcome(step))
    stores.emulator.clear()
    return given


@pytest.fixture(scope="module")
def undisturbed(cosmos_server: Emulator) -> list[Any]:
    """What the story gives when nothing fails."""

    async def tell() -> list[Any]:
        from tests.contract.azure import cosmos_adapters

        async with empty_cosmos(cosmos_server) as opened:
            return await told(Stores(cosmos_server, opened, **cosmos_adapters(opened)))

    return asyncio.run(tell())


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("what", PASSING)
async def test_what_passes_is_not_noticed(
    operation: str, what: str, stores: Stores, undisturbed: list[Any]
) -> None:
    failing = (dataclasses.replace(fault, on=f"{operation} *") for fault in PASSING[what])
    assert await told(stores, *failing) == undisturbed


@pytest.mark.parametrize("operation", ["replace", "batch"])
async def test_another_writer_that_changes_nothing_is_not_noticed(
    operation: str, stores: Stores, undisturbed: list[Any]
) -> None:
    assert await told(stores, Fault(f"{operation} *", kind="race")) == undisturbed


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_call_that_stopped_half_way_can_be_made_again(
    operation: str, stores: Stores, undisturbed: list[Any]
) -> None:
    given, failed = [], 0
    for step in story(stores):
        stores.emulator.add(Fault(f"{operation} *", status=503, times=None))
        first = await outcome(step)
        stores.emulator.clear()
        if first == (Unavailable, "unavailable"):
            failed += 1
            first = await outcome(step)
        given.append(first)
    assert given == undisturbed
    assert failed


async def test_too_many_requests_are_waited_for_and_counted(stores: Stores) -> None:
    await stores.reservations.reserve(PRACTICE, "key", "value")
    stores.emulator.add(Fault("read *", **THROTTLED, times=4))
    before = stores.cosmos.meter.requests
    assert await stores.reservations.replace(PRACTICE, "key", "value", "other")
    assert stores.cosmos.meter.throttled == 4
    assert stores.cosmos.meter.requests == before + 6
    assert stores.cosmos.meter.request_units > 0


async def test_whoever_is_throttled_for_too_long_is_told(cosmos: Emulator) -> None:
    async with empty_cosmos(cosmos, patience=1.0) as opened:
        cosmos.add(
            Fault("create *", status=429, headers={"x-ms-retry-after-ms": "700"}, times=None)
        )
        with pytest.raises(Unavailable) as told_so:
            await CosmosReservations(opened).reserve(PRACTICE, "key", "value")
        assert told_so.value.details == {"reason": "throttled", "status": 429}
        cosmos.clear()
        assert opened.meter.throttled > 1


@pytest.mark.parametrize("operation", ["create", "read"])
async def test_an_answer_that_never_comes_is_asked_for_again(
    operation: str, cosmos: Emulator
) -> None:
    async with empty_cosmos(cosmos, answer_within=0.3) as opened:
        reservations = CosmosReservations(opened)
        cosmos.add(Fault(f"{operation} *", kind="stall"))
        assert await reservations.reserve(PRACTICE, "key", "value") == "value"
        assert await reservations.replace(PRACTICE, "key", "value", "other")


async def test_nothing_of_a_change_is_there_after_its_batch_failed(stores: Stores) -> None:
    stores.emulator.add(Fault("batch *", status=503, times=None))
    change = Change(session=a_session(), runs=(a_run(),), outbox=(an_item(due_at=NOW),))
    with pytest.raises(Unavailable):
        await stores.sessions.commit(PRACTICE, SESSION, change)
    stores.emulator.clear()
    assert await stores.runs.of_session(PRACTICE, SESSION) == ()
    assert await stores.runs.due(NOW, 10) == ()
    assert await stores.outbox.overdue(NOW, 10) == ()


async def test_a_lost_answer_to_a_save_does_not_lose_the_lease(stores: Stores) -> None:
    await stores.sessions.commit(PRACTICE, SESSION, Change(runs=(a_run(),)))
    stores.emulator.add(Fault("replace *", kind="lost", times=2))
    saved = await stores.runs.save(PRACTICE, a_run(version=1, stage="listening"))
    assert saved.version == 2
    with pytest.raises(LeaseLost):
        await stores.runs.save(PRACTICE, a_run(version=1))
    assert await stores.runs.of_session(PRACTICE, SESSION) == (saved,)


async def test_of_writers_that_race_while_answers_are_lost_one_wins(stores: Stores) -> None:
    await stores.sessions.commit(PRACTICE, SESSION, Change(runs=(a_run(),)))
    stores.emulator.add(Fault("replace *", kind="lost", times=None, chance=0.3))

    async def claim(number: int) -> str:
        try:
            await stores.runs.save(PRACTICE, a_run(version=1, lease=f"worker-{number}"))
        except LeaseLost:
            return ""
        return f"worker-{number}"

    winners = [each for each in await asyncio.gather(*map(claim, range(6))) if each]
    stores.emulator.clear()
    (run,) = await stores.runs.of_session(PRACTICE, SESSION)
    assert run == replace(a_run(), version=2, lease=run.lease)
    assert winners in ([run.lease], [])


async def test_an_error_quotes_nothing(stores: Stores) -> None:
    stores.emulator.add(Fault(status=503, message="Jordan White", times=None))
    with pytest.raises(TherapyError) as raised:
        await stores.people.by_email("jordan.white1@example.health")
    stores.emulator.clear()
    assert str(raised.value) == "unavailable reason=out_of_order status=503"
