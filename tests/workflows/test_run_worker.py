"""How a worker holds a run: leases, beats, deadlines, failures and their pauses, being told to stop."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import MINUTE, PRACTICE, SESSION, a_run
from tests.workflows.desks import ACTOR, SCRIPT, an_office, begun, soon
from therapy.adapters.memory.runs import MemoryRuns
from therapy.adapters.memory.shelf import MemoryShelf
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import (
    EngineFailed,
    LanguageNotSupported,
    LeaseLost,
    Unavailable,
    UndecodableAudio,
)
from therapy.domain.run import FIRST_PAUSE, MAX_ATTEMPTS, MAX_CLAIMS, RunState, claimed
from therapy.domain.session import State
from therapy.ports.sessions import Change
from therapy.workflows import review


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


async def slow_office(**limits):
    office = await an_office(speech=SlowSpeech(SCRIPT), limits=soon(**limits))
    await begun(office)
    return office


async def listening(office) -> asyncio.Task[None]:
    work = asyncio.create_task(office.work())
    await asyncio.wait_for(office.speech.listening.wait(), 5)
    return work


async def beaten(office, times: int = 2) -> None:
    """Wait until so many beats were written."""
    version = (await office.run()).version
    for _ in range(1_000):
        if (await office.run()).version >= version + times:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("no beat")


async def test_a_beating_worker_keeps_its_run():
    office = await slow_office()
    work = await listening(office)
    office.clock.on(hours=1)
    await beaten(office)
    assert (await office.run()).due_at > office.clock.now
    await office.work()  # somebody else tries
    office.speech.go.set()
    await work
    assert (await office.session()).state is State.AWAITING_REVIEW
    assert (await office.run()).claims == 1
    assert office.told() == ["SESSION_READY"]


async def test_a_dead_workers_run_is_done_by_the_next_one_once_its_lease_is_over():
    office = await an_office()
    await begun(office)
    dead = claimed(
        await office.run(), lease="dead", now=office.clock.now, hold=MINUTE, within=10 * MINUTE
    )
    await office.desk.runs.save(PRACTICE, dead)
    await office.work()
    assert (await office.session()).state is State.AWAITING_TRANSCRIPT
    office.clock.on(minutes=1)
    await office.work()
    assert (await office.session()).state is State.AWAITING_REVIEW
    assert (await office.run()).claims == 2


async def test_a_worker_that_lost_its_lease_stops_and_writes_nothing():
    office = await slow_office()
    work = await listening(office)
    office.clock.on(hours=1)
    thief = await office.run()
    for _ in range(100):  # a beat may come in between
        try:
            await office.desk.runs.save(
                PRACTICE,
                claimed(thief, lease="thief", now=office.clock.now, hold=MINUTE, within=MINUTE),
            )
            break
        except LeaseLost:
            thief = await office.run()
    await asyncio.wait_for(work, 5)
    assert (await office.run()).lease == "thief"
    assert (await office.session()).state is State.AWAITING_TRANSCRIPT
    assert office.speech.closed == 1
    assert office.told() == []


async def test_a_run_that_takes_too_long_is_a_timeout_and_is_tried_again():
    office = await slow_office(run_time=timedelta(minutes=5))
    work = await listening(office)
    office.clock.on(minutes=6)
    await asyncio.wait_for(work, 5)
    run = await office.run()
    assert (run.state, run.error_code, run.attempt) == (RunState.DUE, "timeout", 1)
    assert office.speech.closed == 1
    office.speech.go.set()
    office.clock.on(minutes=1)
    await office.work()
    assert (await office.session()).state is State.AWAITING_REVIEW


async def test_a_transient_failure_is_tried_again_after_growing_pauses_then_told_once():
    office = await an_office(speech=MemorySpeech(failure=EngineFailed(transient=True)))
    await begun(office)
    pauses = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        await office.work()
        run = await office.run()
        assert run.attempt == attempt
        pauses.append(run.due_at - office.clock.now)
        await office.work()  # too early
        assert (await office.run()).attempt == attempt
        office.clock.now = run.due_at
    assert pauses == [FIRST_PAUSE * 2**number for number in range(MAX_ATTEMPTS)]
    assert (await office.run()).state is RunState.FAILED
    assert office.told() == ["SESSION_FAILED"]
    office.clock.on(days=1)
    await office.work()
    assert office.told() == ["SESSION_FAILED"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UndecodableAudio(), "decode"),
        (EngineFailed("model", transient=False), "model"),
        (LanguageNotSupported(), "language"),
    ],
    ids=["decode", "engine", "language"],
)
async def test_a_permanent_failure_is_final_at_once(failure, code):
    office = await an_office(speech=MemorySpeech(failure=failure))
    await begun(office)
    await office.work()
    run = await office.run()
    assert (run.state, run.error_code, run.attempt) == (RunState.FAILED, code, 1)
    assert office.told() == ["SESSION_FAILED"]
    assert "dataId" not in office.push.sent[0][1].data


async def test_a_failed_session_that_is_tried_again_begins_anew():
    speech = MemorySpeech(SCRIPT, failure=UndecodableAudio())
    office = await an_office(speech=speech)
    await begun(office)
    await office.work()
    await review.retry(ACTOR, SESSION, desk=office.desk)
    await office.work()
    assert office.told() == ["SESSION_FAILED", "SESSION_FAILED"]
    assert len({push.id for _, push in office.push.sent}) == 2
    speech.failure = None
    await review.retry(ACTOR, SESSION, desk=office.desk)
    await office.work()
    assert (await office.session()).state is State.AWAITING_REVIEW
    assert (await office.run()).languages == ("en-US",)  # what it was asked with stays


async def test_a_store_that_is_away_for_a_while_is_a_failed_attempt():
    class Away(MemorySpeech):
        async def transcribe(self, practice_id, pcm, options):
            raise Unavailable
            yield

    office = await an_office(speech=Away())
    await begun(office)
    await office.work()
    run = await office.run()
    assert (run.state, run.error_code) == (RunState.DUE, "unavailable")


async def test_a_bug_is_a_failed_attempt_and_is_raised():
    class Buggy(MemorySpeech):
        async def transcribe(self, practice_id, pcm, options):
            raise ZeroDivisionError
            yield

    office = await an_office(speech=Buggy())
    await begun(office)
    with pytest.raises(ZeroDivisionError):
        await office.work()
    run = await office.run()
    assert (run.state, run.error_code) == (RunState.DUE, "internal")


async def test_a_recording_that_is_gone_fails_for_good():
    office = await an_office()
    await begun(office)
    await office.desk.recordings.delete(PRACTICE, "recording-1")
    await office.work()
    assert (await office.run()).state is RunState.FAILED


async def test_a_recording_that_kills_its_workers_is_given_up_in_the_end():
    office = await an_office()
    await begun(office)
    killed = replace(await office.run(), claims=MAX_CLAIMS)
    await office.desk.runs.save(PRACTICE, killed)
    await office.work()
    run = await office.run()
    assert (run.state, run.error_code) == (RunState.FAILED, "worker_died")
    assert office.told() == ["SESSION_FAILED"]


async def test_a_worker_that_is_told_to_stop_gives_its_run_back_at_once():
    office = await slow_office()
    work = await listening(office)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    run = await office.run()
    assert (run.state, run.claims, run.attempt) == (RunState.DUE, 0, 0)
    assert run.due_at <= office.clock.now
    assert office.speech.closed == 1
    office.speech.go.set()
    await office.work()
    assert (await office.session()).state is State.AWAITING_REVIEW


async def test_cancelling_a_session_stops_the_work_on_it_and_erases_it():
    office = await slow_office()
    work = await listening(office)
    await review.cancel(ACTOR, SESSION, desk=office.desk)
    await asyncio.wait_for(work, 5)
    assert office.speech.closed == 1
    assert (await office.session()).state is State.ERASED
    assert office.told() == []
    assert not office.desk.recordings._kept
    await office.work()
    assert (await office.session()).transcript_number == 0


async def test_a_beat_that_is_being_written_when_the_work_ends_costs_nothing():
    shelf = MemoryShelf()

    class SlowToAnswer(MemoryRuns):
        """Writes at once and answers late, as a database in a thread does."""

        saving = asyncio.Event()

        async def save(self, practice_id, run):
            saved = await super().save(practice_id, run)
            self.saving.set()
            await asyncio.sleep(0.05)
            return saved

    from therapy.adapters.memory.outbox import MemoryOutbox
    from therapy.adapters.memory.sessions import MemorySessions

    runs = SlowToAnswer(shelf)
    stores = {"runs": runs, "sessions": MemorySessions(shelf), "outbox": MemoryOutbox(shelf)}
    office = await an_office(speech=SlowSpeech(SCRIPT), limits=soon(), **stores)
    await begun(office)
    work = await listening(office)
    await asyncio.wait_for(runs.saving.wait(), 5)
    office.speech.go.set()  # the work ends while the beat is on its way back
    await asyncio.wait_for(work, 5)
    assert (await office.session()).state is State.AWAITING_REVIEW
    assert (await office.run()).claims == 1


async def test_a_store_that_does_not_take_beats_for_a_moment_is_no_reason_to_stop():
    office = await slow_office()
    runs = office.desk.runs
    work = await listening(office)
    save, runs.save = runs.save, _unavailable
    await asyncio.sleep(0.06)
    runs.save = save
    office.speech.go.set()
    await asyncio.wait_for(work, 5)
    assert (await office.session()).state is State.AWAITING_REVIEW


async def _unavailable(*_: object):
    raise Unavailable


async def test_corrections_during_the_work_both_stay():
    office = await slow_office()
    work = await listening(office)
    await review.correct(
        ACTOR, SESSION, lambda before: replace(before, summary="Corrected."), desk=office.desk
    )
    await beaten(office)
    await review.link_patient(ACTOR, SESSION, "203948571", desk=office.desk)
    office.speech.go.set()
    await work
    session = await office.session()
    assert session.state is State.AWAITING_REVIEW
    assert session.details.summary == "Corrected."
    assert session.details.patient.link.value == "linked"


async def test_a_transcript_written_at_the_moment_of_a_correction_makes_nobody_fail():
    office = await an_office()
    await begun(office)
    commit, raced = office.desk.sessions.commit, []

    async def work_first(practice_id, session_id, change: Change) -> None:
        if change.session is not None and not raced:
            raced.append(True)
            await office.work()
        await commit(practice_id, session_id, change)

    office.desk.sessions.commit = work_first
    await review.correct(
        ACTOR, SESSION, lambda before: replace(before, summary="Late."), desk=office.desk
    )
    session = await office.session()
    assert (session.state, session.details.summary) == (State.AWAITING_REVIEW, "Late.")


async def test_work_on_a_session_that_is_not_there_does_nothing():
    office = await an_office()
    await office.work("nowhere")


async def test_a_device_that_is_gone_is_forgotten_and_one_that_cannot_be_told_now_is_told_later():
    office = await an_office()
    await begun(office)
    office.push.down = True
    await office.work()
    assert office.told() == []
    assert (await office.session()).state is State.AWAITING_REVIEW
    office.push.down, office.push.gone = False, {"token-1"}
    office.clock.on(minutes=2)
    from therapy.workflows.sweep import sweep

    await sweep(desk=office.desk)
    assert await office.desk.devices.of_person(PRACTICE, ACTOR.person_id) == ()
    assert await office.desk.outbox.pending(PRACTICE, SESSION) == ()


async def test_a_second_run_of_the_same_kind_is_never_made_by_working():
    office = await an_office()
    await begun(office)
    await asyncio.gather(office.work(), office.work(), office.work())
    assert [each.id for each in await office.desk.runs.of_session(PRACTICE, SESSION)] == [
        a_run().id
    ]
    assert office.told() == ["SESSION_READY"]
