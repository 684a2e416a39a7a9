"""The index of what is due: hints before the change, verified and cleaned by whoever looks."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.azure.cosmos_stores import Stores
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    OTHER_PRACTICE,
    PRACTICE,
    SECOND,
    SESSION,
    a_run,
    a_session,
    an_item,
)
from tests.emulators.faults import Fault
from therapy.adapters.azure.cosmos.due import PARTITIONS, partition
from therapy.domain.errors import ErrorClass, Unavailable
from therapy.domain.outbox import SessionRef
from therapy.domain.run import RunRef, again, beaten, claimed, done, failed, put_back
from therapy.ports.sessions import Change

pytestmark = pytest.mark.xdist_group("cosmos")

REF = RunRef(PRACTICE, SESSION, "run-1")
HOLD = 30 * SECOND
MICROS = timedelta(microseconds=1)


async def hints(stores: Stores) -> list[str]:
    """The moments that are announced."""
    pages = [
        await stores.cosmos.due.query(partition(number), 'c.at > ""', select="VALUE c.at")
        for number in range(PARTITIONS)
    ]
    return sorted(each for page in pages for each in page)


async def started(stores: Stores, **changes: object) -> None:
    run = a_run(**changes)
    await stores.sessions.commit(run.practice_id, run.session_id, Change(runs=(run,)))


def taken(version: int = 1) -> object:
    return claimed(a_run(version=version), lease="w", now=NOW, hold=HOLD, within=HOUR)


async def test_a_writer_that_dies_between_hint_and_change_leaves_nothing_due(hasty: Stores) -> None:
    hasty.emulator.add(Fault("batch *", status=503, times=None))
    with pytest.raises(Unavailable):
        await started(hasty)
    hasty.emulator.clear()
    assert len(await hints(hasty)) == 1
    assert await hasty.runs.due(NOW, 10) == ()
    assert await hints(hasty) == []


async def test_a_change_that_comes_after_its_hint_was_looked_at_is_found(stores: Stores) -> None:
    stores.emulator.add(Fault("batch *", kind="slow", seconds=0.4))
    writing = asyncio.create_task(started(stores))
    async with asyncio.timeout(5):
        while not await hints(stores):  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.01)
    assert await stores.runs.due(NOW + HOUR, 10) == ()
    await writing
    assert await stores.runs.due(NOW, 10) == (REF,)


async def test_a_writer_that_dies_after_the_change_leaves_what_is_due(stores: Stores) -> None:
    change = Change(session=a_session(), runs=(a_run(),), outbox=(an_item(due_at=NOW),))
    # The answer is lost, and from then on the store is out of reach.
    stores.emulator.add(Fault("batch *", kind="lost"), Fault("batch *", status=503, times=None))
    with pytest.raises(Unavailable):
        await stores.sessions.commit(PRACTICE, SESSION, change)
    stores.emulator.clear()
    assert await stores.runs.due(NOW, 10) == (REF,)
    assert await stores.outbox.overdue(NOW, 10) == (SessionRef(PRACTICE, SESSION),)


async def test_nothing_is_written_to_the_index_by_claims_beats_and_ends(stores: Stores) -> None:
    await started(stores)
    before = await hints(stores)
    run = await stores.runs.save(PRACTICE, taken())
    run = await stores.runs.save(
        PRACTICE, beaten(run, now=NOW + SECOND, hold=HOLD, stage="listening", progress=0.1)
    )
    await stores.runs.save(PRACTICE, done(run))
    assert await hints(stores) == before


@pytest.mark.parametrize("how", ["put back", "asked for again"])
async def test_what_gets_due_earlier_is_announced(stores: Stores, how: str) -> None:
    await started(stores, due_at=NOW + HOUR)
    if how == "put back":
        earlier = put_back(a_run(version=1), now=NOW)
    else:
        broken = failed(a_run(version=1), error_class=ErrorClass.PERMANENT, code="decode", now=NOW)
        earlier = again(await stores.runs.save(PRACTICE, broken), now=NOW)
    await stores.runs.save(PRACTICE, earlier)
    assert len(await hints(stores)) == 2
    assert await stores.runs.due(NOW, 10) == (REF,)


async def test_the_hint_of_a_claimed_run_moves_to_the_end_of_its_lease(hasty: Stores) -> None:
    await started(hasty)
    await hasty.runs.save(PRACTICE, taken())
    (first,) = await hints(hasty)
    assert await hasty.runs.due(NOW + SECOND, 10) == ()
    (second,) = await hints(hasty)
    assert int(second[:18]) - int(first[:18]) == HOLD // MICROS
    assert await hasty.runs.due(NOW + HOLD, 10) == (REF,)
    assert await hints(hasty) == [second]


async def test_hints_that_may_belong_to_a_write_on_its_way_are_left_alone(stores: Stores) -> None:
    await started(stores)
    await stores.runs.save(PRACTICE, done(a_run(version=1)))
    assert await stores.runs.due(NOW, 10) == ()
    assert len(await hints(stores)) == 1


async def test_all_is_cleaned_when_nothing_is_left_to_do(hasty: Stores) -> None:
    for number in range(4):
        await hasty.sessions.commit(PRACTICE, SESSION, Change(outbox=(an_item(f"{number}"),)))
    await started(hasty)
    await hasty.runs.save(PRACTICE, done(a_run(version=1)))
    for number in range(4):
        await hasty.outbox.done(PRACTICE, SESSION, f"{number}")
    assert len(await hints(hasty)) == 5
    assert await hasty.outbox.overdue(NOW + HOUR, 10) == ()
    assert await hasty.runs.due(NOW + HOUR, 10) == ()
    assert await hints(hasty) == []


async def test_looking_for_runs_does_not_lose_an_item(hasty: Stores) -> None:
    later = an_item(due_at=NOW + MINUTE)
    await hasty.sessions.commit(PRACTICE, SESSION, Change(runs=(a_run(),), outbox=(later,)))
    await hasty.runs.save(PRACTICE, done(a_run(version=1)))
    assert await hasty.runs.due(NOW, 10) == ()
    assert len(await hints(hasty)) == 1
    assert await hasty.outbox.overdue(NOW + MINUTE, 10) == (SessionRef(PRACTICE, SESSION),)


async def test_several_sweeps_at_once_do_no_harm(hasty: Stores) -> None:
    for number in range(6):
        await started(hasty, session_id=f"s{number}")
        if number % 2:
            await hasty.runs.save(PRACTICE, done(a_run(session_id=f"s{number}", version=1)))
        else:
            await hasty.runs.save(PRACTICE, replace(taken(), session_id=f"s{number}"))
    await asyncio.gather(*(hasty.runs.due(NOW + SECOND, 10) for _ in range(4)))
    found = await hasty.runs.due(NOW + HOLD, 10)
    assert {ref.session_id for ref in found} == {"s0", "s2", "s4"}


async def test_the_longest_due_come_first_although_hints_come_early(stores: Stores) -> None:
    """30 runs whose hints are early and whose true moments are in the reverse order."""
    for number in range(30):
        run = a_run(session_id=f"s{number:02}", due_at=NOW + number * SECOND)
        await started(stores, session_id=run.session_id, due_at=run.due_at)
        moved = replace(run, version=1, due_at=NOW + (100 - number) * SECOND)
        await stores.runs.save(PRACTICE, moved)
    found = await stores.runs.due(NOW + HOUR, 5)
    assert [ref.session_id for ref in found] == ["s29", "s28", "s27", "s26", "s25"]


async def test_a_long_queue_costs_no_more_than_what_is_asked_for(stores: Stores) -> None:
    for practice_id in (PRACTICE, OTHER_PRACTICE):
        for number in range(60):
            at = NOW + number * SECOND
            await started(stores, practice_id=practice_id, session_id=f"s{number:02}", due_at=at)
    stores.emulator.clear()
    found = await stores.runs.due(NOW + HOUR, 20)
    assert [ref.session_id for ref in found] == [f"s{number // 2:02}" for number in range(20)]
    assert stores.requests() <= 2 * (20 + 2 * PARTITIONS) + 10
    assert stores.emulator.cross_partition() == 0
