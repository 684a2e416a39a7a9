"""The waiting list: whose session is transcribed next, and how many may wait."""

import dataclasses

import pytest

from tests.builders import PRACTICE, a_therapist, a_wav, an_actor
from tests.logins import has_login
from tests.workflows.interrupted_ports import InterruptedStore
from tests.workflows.memory_installation import (
    ACTOR,
    MemoryInstallation,
    an_installation,
    upload,
)
from tests.workflows.waiting_runs import waiting
from therapy.domain.errors import ErrorClass, TooMuchAtOnce, Unavailable
from therapy.domain.outbox import SessionEntryChanged
from therapy.domain.person_limits import PersonLimits
from therapy.domain.run import RunState, failed
from therapy.domain.session_status import AWAITED_KINDS
from therapy.ports.store import Item
from therapy.repositories.change import Change
from therapy.workflows import accounts, review
from therapy.workflows.waiting_list import COUNTED_EVERY

COLLEAGUE = an_actor(person_id="therapist-2")
FEW = {"limits": PersonLimits(waiting=2)}


async def a_practice_of_two(**options: object) -> MemoryInstallation:
    installed = await an_installation(options=options)
    colleague = a_therapist(id=COLLEAGUE.person_id, email="alex.lebed2@example.health")
    await accounts.add_person(colleague, records=installed.records)
    await has_login(PRACTICE, COLLEAGUE.person_id, records=installed.records)
    return installed


async def sent(installed: MemoryInstallation, number: int, actor=ACTOR, **more: str) -> str:
    """Send a recording of its own; return its session."""
    audio = a_wav(bytes([number, 1]) * 4_000)
    return (await upload(installed.intake, audio, actor, **more)).session_id


async def worked(installed: MemoryInstallation, most: int = 100) -> list[str]:
    """Work as a worker does, whose clock stands still; return the sessions in order."""
    done: list[str] = []
    worker = dataclasses.replace(installed.worker, kinds=AWAITED_KINDS)
    async for practice_id, session_id in waiting(worker):
        await worker.work_on(practice_id, session_id)
        done.append(session_id)
        if len(done) == most:
            break
    return done


async def test_an_idle_worker_does_everything_that_waits_in_the_order_it_came():
    installed = await a_practice_of_two()
    many = [await sent(installed, number) for number in range(25)]
    assert await worked(installed) == many
    for session_id in many:
        assert (await installed.run(session_id)).state is RunState.DONE


async def test_a_colleagues_session_is_next_however_many_of_one_therapist_wait():
    installed = await a_practice_of_two()
    many = [await sent(installed, number) for number in range(25)]
    begun = await worked(installed, most=3)
    colleagues = await sent(installed, 30, COLLEAGUE)
    rest = await worked(installed)
    assert begun + rest == [*many[:3], colleagues, *many[3:]]


async def test_a_session_that_is_continued_keeps_its_place():
    installed = await a_practice_of_two()
    first, second = await sent(installed, 1), await sent(installed, 2)
    place = (await installed.run(first)).due_at
    assert await sent(installed, 3, continues=first) == first
    assert (await installed.run(first)).due_at == place
    assert await worked(installed) == [first, second]


async def test_a_session_that_is_tried_again_stands_behind_those_that_wait():
    installed = await a_practice_of_two()
    broken = await sent(installed, 1)
    run, now = await installed.run(broken), installed.clock.now
    over = failed(run, error_class=ErrorClass.PERMANENT, code="decode", now=now)
    await installed.write(installed.records.runs.write(over))
    waiting = await sent(installed, 2)
    records, waiting_list = installed.records, installed.installation.waiting_list
    await review.retry(ACTOR, broken, records=records, waiting_list=waiting_list)
    assert await worked(installed) == [waiting, broken]


async def test_beyond_what_one_therapist_may_have_waiting_an_upload_is_refused_before_it_is_sent():
    installed = await a_practice_of_two(**FEW)
    first, _ = await sent(installed, 1), await sent(installed, 2)
    with pytest.raises(TooMuchAtOnce) as refused:
        await sent(installed, 3)
    assert (refused.value.code, refused.value.details) == ("too_many_waiting", {"retry_after": 300})
    assert not await installed.uploads()
    assert await sent(installed, 4, COLLEAGUE)
    await installed.work(first)
    assert await sent(installed, 3)


async def test_a_failed_session_is_not_tried_again_while_too_many_wait():
    installed = await a_practice_of_two(**FEW)
    broken = await sent(installed, 1)
    run, now = await installed.run(broken), installed.clock.now
    over = failed(run, error_class=ErrorClass.PERMANENT, code="decode", now=now)
    records, waiting_list = installed.records, installed.installation.waiting_list
    await records.commit(PRACTICE, Change(records.runs.write(over)), SessionEntryChanged(broken))
    await sent(installed, 2)
    await sent(installed, 3)
    with pytest.raises(TooMuchAtOnce, match="too_many_waiting"):
        await review.retry(ACTOR, broken, records=records, waiting_list=waiting_list)
    assert (await installed.run(broken)).state is RunState.FAILED


async def test_what_a_dead_writer_did_not_count_is_counted_after_a_sweep():
    installed = await a_practice_of_two(**FEW)
    dying = dataclasses.replace(installed.intake, records=installed.dying_writer)
    for number in (1, 2):
        await upload(dying, a_wav(bytes([number, 1]) * 4_000))
    installed.clock.advance(minutes=1)
    await installed.sweep()
    with pytest.raises(TooMuchAtOnce):
        await sent(installed, 3)


async def test_the_sweep_rings_for_a_session_whose_place_is_later_than_now():
    installed = await a_practice_of_two()
    await sent(installed, 1)
    later = await sent(installed, 2)
    assert (await installed.run(later)).due_at > installed.clock.now
    await installed.sweep()
    rings = installed.ports.doorbell._rings
    while not rings.empty():  # they are lost
        rings.get_nowait()
    await installed.sweep()
    assert (PRACTICE, later) in {rings.get_nowait() for _ in range(rings.qsize())}


async def test_beyond_what_everybody_may_have_waiting_uploads_are_refused_until_some_are_done():
    installed = await a_practice_of_two(limits=PersonLimits(waiting_in_all=2))
    await sent(installed, 1)
    await sent(installed, 2)
    another = installed.with_ports()  # a process that has counted nothing yet
    for process in (installed, another):
        with pytest.raises(Unavailable) as refused:
            await sent(process, 3, COLLEAGUE)
        assert (refused.value.code, refused.value.details) == ("waiting_busy", {"retry_after": 300})
    assert await worked(installed)
    with pytest.raises(Unavailable):
        await sent(installed, 3, COLLEAGUE)
    installed.clock.now += COUNTED_EVERY
    assert await sent(installed, 3, COLLEAGUE)


class Away(InterruptedStore):
    """A store whose queues can't be read, a number of times."""

    times = 0

    async def due(self, *what: object, **named: object) -> tuple[Item, ...]:
        if self.times:
            self.times -= 1
            raise Unavailable
        return await super().due(*what, **named)


async def test_if_what_everybody_has_waiting_can_not_be_counted_the_next_upload_counts_it():
    installed = await a_practice_of_two(limits=PersonLimits(waiting_in_all=1))
    await sent(installed, 1)
    away = Away(installed.store)
    restarted = installed.with_ports(store=away)
    away.times = 1
    for code in ("unavailable", "waiting_busy"):
        with pytest.raises(Unavailable, match=code):
            await sent(restarted, 2)
