"""Cosmos that throttles, breaks and loses answers under the calls of a session's life and of the index."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.azure.cosmos_stores import (
    Life,
    Stores,
    after_the_sdks_own,
    require_a_closed_session,
)
from tests.azure.story import (
    PASSING,
    THROTTLED,
    Call,
    passing,
    told,
    told_twice_where_broken,
    undisturbed_by,
)
from tests.builders import NOW, PATIENT, PRACTICE, SESSION, THERAPIST, an_entry
from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.store import CosmosStore
from therapy.domain.errors import TherapyError, Unavailable
from therapy.domain.session_status import SessionStatus
from therapy.ports.store import Create, Replace

pytestmark = pytest.mark.emulator

OPERATIONS = ("read", "query", "create", "replace", "upsert", "delete", "batch")
IN_A_LIFE = ("read", "query", "create", "replace", "batch")


@pytest.mark.slow
@pytest.mark.parametrize("what", PASSING)
async def test_what_passes_is_not_noticed_in_a_sessions_life(what: str, stores: Stores) -> None:
    """Each operation of each call meets it."""
    life = Life(stores)
    for _, call in life.calls():
        stores.emulator.clear()
        stores.emulator.add(*passing(what, IN_A_LIFE))
        await call()
    stores.emulator.clear()
    await require_a_closed_session(life)


@pytest.mark.slow
@pytest.mark.parametrize("operation", IN_A_LIFE)
async def test_a_call_that_stopped_half_way_can_be_made_again(
    operation: str, stores: Stores
) -> None:
    """After a call that met no fault nothing is due."""
    life, failed = Life(stores), 0
    for _, call in life.calls():
        stores.emulator.add(Fault(f"{operation} *", status=503, times=None))
        try:
            await call()
            again = False
        except Unavailable:
            again = True
        struck = stores.emulator.struck()
        stores.emulator.clear()
        stores.clock.advance(minutes=10)  # what was put off is due, and every claim has ended
        if struck:
            await life.installed.sweep.once()
        if again:
            failed += 1
            await call()
        if struck and life.session_id:
            await life.installed.worker.work_on(PRACTICE, life.session_id)
    await require_a_closed_session(life)
    assert failed or operation == "replace"  # only lists make these, and they are put off


def story(stores: Stores) -> list[Call]:
    """Every call of the session index; each can be made again if it failed."""
    index = stores.ports.session_index
    waiting = an_entry(state=SessionStatus.AWAITING_REVIEW)
    closed = an_entry(sequence=2, words=("calm", "sleep"))
    moved = replace(closed, sequence=3, therapist_id="therapist-2", patient_person_id="patient-2")
    return [
        lambda: index.put(PRACTICE, waiting),
        lambda: index.put(PRACTICE, closed),
        lambda: index.search(PRACTICE, THERAPIST, "sle cal", "", 10),
        lambda: index.put(PRACTICE, moved),
        lambda: index.of_therapist(PRACTICE, THERAPIST, tuple(SessionStatus), "", 10),
        lambda: index.of_therapist(PRACTICE, "therapist-2", {SessionStatus.CLOSED}, "", 10),
        lambda: index.of_patient(PRACTICE, PATIENT, "", 10),
        lambda: index.of_patient(PRACTICE, "patient-2", "", 10),
        lambda: index.get(PRACTICE, SESSION),
        lambda: index.remove(PRACTICE, SESSION),
        lambda: index.of_therapist(PRACTICE, "therapist-2", tuple(SessionStatus), "", 10),
        lambda: index.search(PRACTICE, "therapist-2", "calm", "", 10),
    ]


@pytest.fixture(scope="module")
def undisturbed(cosmos_server: Emulator) -> list[Any]:
    """What the story gives when nothing fails."""
    return undisturbed_by(cosmos_server, lambda opened: story(Stores(cosmos_server, opened)))


@pytest.mark.parametrize("what", PASSING)
async def test_what_passes_is_not_noticed_in_the_index(
    what: str, stores: Stores, undisturbed: list[Any]
) -> None:
    """Each operation of each call meets it."""
    failing = passing(what, OPERATIONS)
    assert await told(stores.emulator, story(stores), *failing) == undisturbed


@pytest.mark.parametrize("operation", ["replace", "batch"])
async def test_another_writer_that_changes_nothing_is_not_noticed(
    operation: str, stores: Stores, undisturbed: list[Any]
) -> None:
    assert (
        await told(stores.emulator, story(stores), Fault(f"{operation} *", kind="race"))
        == undisturbed
    )


@pytest.mark.parametrize("operation", ["read", "query", "create", "replace", "batch"])
async def test_a_call_of_the_index_that_stopped_half_way_can_be_made_again(
    operation: str, stores: Stores, undisturbed: list[Any]
) -> None:
    given, failed = await told_twice_where_broken(stores.emulator, story(stores), operation)
    assert given == undisturbed
    assert failed


ITEM = {"id": "one", "kind": "thing", "body": b"{}"}


async def test_too_many_requests_are_waited_for_and_counted(stores: Stores) -> None:
    store = stores.ports.store
    await store.commit("a", [Create(**ITEM)])
    await store.get("a", "one")  # the SDK looks up the container's ranges once
    await after_the_sdks_own(stores.cosmos)
    stores.emulator.add(Fault("read *", **THROTTLED, times=4))
    before = stores.cosmos.meter.requests
    assert await store.get("a", "one")
    assert stores.cosmos.meter.throttled == 4
    assert stores.cosmos.meter.requests == before + 5
    assert stores.cosmos.meter.request_units > 0


async def test_whoever_is_throttled_for_too_long_is_told(cosmos: Emulator) -> None:
    async with empty_cosmos(cosmos, patience=1.0) as opened:
        cosmos.add(Fault("batch *", status=429, headers={"x-ms-retry-after-ms": "700"}, times=None))
        with pytest.raises(Unavailable) as told_so:
            await CosmosStore(opened, lambda: NOW).commit("a", [Create(**ITEM)])
        assert told_so.value.details == {"reason": "throttled", "status": 429}
        cosmos.clear()
        assert opened.meter.throttled > 1


@pytest.mark.parametrize("operation", ["batch", "read"])
async def test_an_answer_that_never_comes_is_asked_for_again(
    operation: str, cosmos: Emulator
) -> None:
    async with empty_cosmos(cosmos, answer_within=0.3) as opened:
        store = CosmosStore(opened, lambda: NOW)
        cosmos.add(Fault(f"{operation} *", kind="stall"))
        await store.commit("a", [Create(**ITEM)])
        await store.commit("a", [Replace(**ITEM, version=1)])
        assert (await store.get("a", "one"))["one"].version == 2


async def test_an_error_quotes_nothing(stores: Stores) -> None:
    stores.emulator.add(Fault(status=503, message="Jordan White", times=None))
    with pytest.raises(TherapyError) as raised:
        await stores.installation.records.people.by_email("jordan.white1@example.health")
    stores.emulator.clear()
    assert str(raised.value) == "unavailable reason=out_of_order status=503"
