"""The backlog: what waits for a worker, what one is on, and since when."""

from datetime import timedelta

from tests.builders import a_run
from tests.workflows.memory_installation import MemoryInstallation, an_installation
from tests.workflows.test_waiting_list import a_practice_of_two, sent, worked
from therapy.domain.errors import ErrorClass
from therapy.domain.run import RunKind, claimed, failed
from therapy.ports.store import MOST_ITEMS
from therapy.workflows.backlog import Backlog, backlog

HOLD = timedelta(seconds=30)


async def claim(installed: MemoryInstallation, session_id: str) -> None:
    """Claim a session's run for a worker that then does nothing."""
    run, now = await installed.run(session_id), installed.clock.now
    taken = claimed(run, lease="worker-1", now=now, hold=HOLD, within=timedelta(hours=1))
    await installed.write(installed.records.runs.write(taken))


async def test_without_work_nothing_waits():
    installed = await an_installation()
    assert await backlog(installed.records) == Backlog()


async def test_what_waits_is_counted_with_the_age_of_the_oldest():
    installed = await a_practice_of_two()
    await sent(installed, 1)
    installed.clock.advance(seconds=90)
    await sent(installed, 2)
    installed.clock.advance(seconds=10)
    found = await backlog(installed.records)
    assert found == Backlog(waiting=2, working=0, oldest_seconds=100.0)
    await worked(installed)
    assert await backlog(installed.records) == Backlog(insights=2)


async def test_what_a_worker_is_on_does_not_wait_until_its_lease_has_ended():
    installed = await a_practice_of_two()
    await claim(installed, await sent(installed, 1))
    await sent(installed, 2)
    found = await backlog(installed.records)
    assert (found.waiting, found.working, found.in_all) == (1, 1, 2)
    installed.clock.advance(seconds=31)
    found = await backlog(installed.records)
    assert (found.waiting, found.working, found.in_all) == (2, 0, 2)


async def test_what_is_tried_again_later_waits_and_what_is_given_up_does_not():
    installed = await a_practice_of_two()
    first, second = await sent(installed, 1), await sent(installed, 2)
    for session_id, why in ((first, ErrorClass.TRANSIENT), (second, ErrorClass.PERMANENT)):
        run = await installed.run(session_id)
        over = failed(run, error_class=why, code="engine_failed", now=installed.clock.now)
        await installed.write(installed.records.runs.write(over))
    assert (await backlog(installed.records)).in_all == 1


async def test_insights_do_not_wait_as_sessions_do_but_no_worker_is_ended_while_some_are_due():
    installed = await an_installation()
    run = a_run(kind=RunKind.INSIGHTS)
    await installed.write(installed.records.runs.write(run))
    installed.clock.advance(seconds=90)
    found = await backlog(installed.records)
    assert found == Backlog(waiting=0, working=0, oldest_seconds=0.0, insights=1)
    assert found.in_all == 1


async def test_more_than_a_page_is_counted():
    installed = await an_installation()
    for number in range(MOST_ITEMS + 1):
        run = a_run(id=f"run-{number}", session_id=f"session-{number}")
        await installed.write(installed.records.runs.write(run))
    assert (await backlog(installed.records)).in_all == MOST_ITEMS + 1
