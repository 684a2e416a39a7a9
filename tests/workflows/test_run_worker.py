"""How a worker holds a run: leases, beats, deadlines, being told to stop."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, PRACTICE, SESSION
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    SCRIPT,
    SHORT_LEASE,
    an_installation,
    begun,
)
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import (
    LeaseLost,
    Unavailable,
)
from therapy.domain.run import RunState, claimed
from therapy.domain.session import State
from therapy.ports.store import Write
from therapy.workflows import patient_links, review
from therapy.workflows.devices import devices_of


class SlowSpeech(MemorySpeech):
    """Listens until it is let go; remembers that it was closed."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        self.listening, self.go, self.closed = asyncio.Event(), asyncio.Event(), 0

    async def transcribe(self, practice_id, pcm, options):
        try:
            self.listening.set()
            await self.go.wait()
            async for event in super().transcribe(practice_id, pcm, options):
                yield event
        finally:
            self.closed += 1


async def slow_installation(**options):
    installed = await an_installation(
        speech=SlowSpeech(SCRIPT), worker_options=SHORT_LEASE | options
    )
    await begun(installed)
    return installed


async def listening(installed) -> asyncio.Task[None]:
    work = asyncio.create_task(installed.work())
    await asyncio.wait_for(installed.ports.engines.speech.listening.wait(), 60)
    return work


async def beaten(installed, times: int = 2) -> None:
    """Wait until so many beats were written."""
    version = (await installed.run()).version
    for _ in range(1_000):
        if (await installed.run()).version >= version + times:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("no beat")


async def test_a_beating_worker_keeps_its_run():
    installed = await slow_installation()
    work = await listening(installed)
    installed.clock.advance(hours=1)
    await beaten(installed)
    assert (await installed.run()).due_at > installed.clock.now
    await installed.work()  # somebody else tries
    installed.ports.engines.speech.go.set()
    await work
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert (await installed.run()).claims == 1
    assert installed.told() == ["SESSION_READY"]


async def test_a_dead_workers_run_is_done_by_the_next_one_once_its_lease_is_over():
    installed = await an_installation()
    await begun(installed)
    dead = claimed(
        await installed.run(),
        lease="dead",
        now=installed.clock.now,
        hold=MINUTE,
        within=10 * MINUTE,
    )
    await installed.write(installed.records.runs.write(dead))
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_TRANSCRIPT
    installed.clock.advance(minutes=1)
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert (await installed.run()).claims == 2


async def test_a_worker_that_lost_its_lease_stops_and_writes_nothing():
    installed = await slow_installation()
    work = await listening(installed)
    installed.clock.advance(hours=1)
    thief = await installed.run()
    for _ in range(100):  # a beat may come in between
        try:
            stolen = claimed(
                thief, lease="thief", now=installed.clock.now, hold=MINUTE, within=MINUTE
            )
            await installed.write(installed.records.runs.write(stolen))
            break
        except LeaseLost:
            thief = await installed.run()
    await asyncio.wait_for(work, 60)
    assert (await installed.run()).lease == "thief"
    assert (await installed.session()).state is State.AWAITING_TRANSCRIPT
    assert installed.ports.engines.speech.closed == 1
    assert installed.told() == []


async def test_a_run_that_takes_too_long_is_a_timeout_and_is_tried_again():
    installed = await slow_installation(run_time=timedelta(milliseconds=50))
    work = await listening(installed)
    await asyncio.wait_for(work, 60)
    run = await installed.run()
    assert (run.state, run.error_code, run.attempt) == (RunState.DUE, "timeout", 1)
    assert installed.ports.engines.speech.closed == 1
    installed.ports.engines.speech.go.set()
    installed.clock.advance(minutes=1)
    installed.worker_options = SHORT_LEASE
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_a_worker_that_is_told_to_stop_gives_its_run_back_at_once():
    installed = await slow_installation()
    work = await listening(installed)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    run = await installed.run()
    assert (run.state, run.claims, run.attempt) == (RunState.DUE, 0, 0)
    assert run.due_at <= installed.clock.now
    assert installed.ports.engines.speech.closed == 1
    installed.ports.engines.speech.go.set()
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_cancelling_a_session_stops_the_work_on_it_and_erases_it():
    installed = await slow_installation()
    work = await listening(installed)
    await review.cancel(ACTOR, SESSION, records=installed.records)
    await asyncio.wait_for(work, 60)
    assert installed.ports.engines.speech.closed == 1
    assert (await installed.session()).state is State.ERASED
    assert installed.told() == []
    assert not installed.recordings._kept
    await installed.work()
    assert (await installed.session()).transcript_number == 0


def is_a_beat(writes: Sequence[Write]) -> bool:
    """Return whether a commit writes a run and nothing else: claims and ends are written with more."""
    return len(writes) == 1 and writes[0].id.startswith("run-")


async def test_a_beat_that_is_being_written_when_the_work_ends_costs_nothing():
    installed = await slow_installation()
    beating = asyncio.Event()

    async def answer_late(_: str, writes: Sequence[Write]) -> None:
        """Written at once and answered late, as by a database in a thread."""
        if is_a_beat(writes):
            beating.set()
            await asyncio.sleep(0.05)

    installed.store.after_commit = answer_late
    work = await listening(installed)
    await asyncio.wait_for(beating.wait(), 60)
    installed.ports.engines.speech.go.set()  # the work ends while the beat is on its way back
    await asyncio.wait_for(work, 60)
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert (await installed.run()).claims == 1


async def test_a_store_that_does_not_take_beats_for_a_moment_is_no_reason_to_stop():
    installed = await slow_installation()
    refused = asyncio.Semaphore(0)

    async def refuse_beats(_: str, writes: Sequence[Write]) -> None:
        if is_a_beat(writes):
            refused.release()
            raise Unavailable

    work = await listening(installed)
    installed.store.before_commit = refuse_beats
    for _ in range(3):
        await asyncio.wait_for(refused.acquire(), 60)
    installed.store.before_commit = nothing
    installed.ports.engines.speech.go.set()
    await asyncio.wait_for(work, 60)
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_corrections_during_the_work_both_stay():
    installed = await slow_installation()
    work = await listening(installed)
    await review.correct(
        ACTOR,
        SESSION,
        lambda before: replace(before, summary="Corrected."),
        records=installed.records,
    )
    await beaten(installed)
    await patient_links.link_patient(ACTOR, SESSION, "203948571", records=installed.records)
    installed.ports.engines.speech.go.set()
    await work
    session = await installed.session()
    assert session.state is State.AWAITING_REVIEW
    assert session.details.summary == "Corrected."
    assert session.details.patient.link.value == "linked"


async def test_a_transcript_written_at_the_moment_of_a_correction_makes_nobody_fail():
    installed = await an_installation()
    await begun(installed)
    raced: list[bool] = []

    async def work_first(partition: str, _: Sequence[Write]) -> None:
        if partition == IN_SESSION and not raced:
            raced.append(True)
            await installed.work()

    installed.store.before_commit = work_first
    await review.correct(
        ACTOR, SESSION, lambda before: replace(before, summary="Late."), records=installed.records
    )
    session = await installed.session()
    assert (session.state, session.details.summary) == (State.AWAITING_REVIEW, "Late.")


async def test_work_on_a_session_that_is_not_there_does_nothing():
    installed = await an_installation()
    await installed.work("nowhere")


async def test_a_device_that_is_gone_is_forgotten_and_one_that_cannot_be_told_now_is_told_later():
    installed = await an_installation()
    await begun(installed)
    installed.ports.push.down = True
    await installed.work()
    assert installed.told() == []
    assert (await installed.session()).state is State.AWAITING_REVIEW
    installed.ports.push.down, installed.ports.push.gone = False, {"token-1"}
    installed.clock.advance(minutes=2)
    await installed.sweep()
    assert await devices_of(PRACTICE, ACTOR.person_id, records=installed.records) == ()
    assert await installed.waiting() == ()


async def test_a_second_run_of_the_same_kind_is_never_made_by_working():
    installed = await an_installation()
    await begun(installed)
    await asyncio.gather(installed.work(), installed.work(), installed.work())
    assert sorted(each.kind.value for each in await installed.runs()) == ["insights", "transcribe"]
    assert installed.told() == ["SESSION_READY"]
