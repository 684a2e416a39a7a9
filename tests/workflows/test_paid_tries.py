"""How often an engine may charge for one recording: twice, whatever becomes of the worker meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.builders import MINUTE, SESSION
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import (
    ACTOR,
    SCRIPT,
    SHORT_LEASE,
    an_installation,
    begun,
)
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed, Unavailable
from therapy.domain.run import MAX_ATTEMPTS, RunState, charged, claimed
from therapy.domain.session import State
from therapy.ports.speech import SpeechCharge
from therapy.ports.store import Write
from therapy.workflows import review


class PaidSpeech(MemorySpeech):
    """An engine that costs money each time; `paid` counts. It waits for `go` once it is paid."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        self.paid, self.go = 0, asyncio.Event()
        self.go.set()

    async def transcribe(self, practice_id, pcm, options):
        yield SpeechCharge()
        self.paid += 1
        await self.go.wait()
        async for event in super().transcribe(practice_id, pcm, options):
            yield event


async def with_paid_speech(failure=None, **options):
    speech = PaidSpeech(SCRIPT, failure=failure)
    installed = await an_installation(speech=speech, worker_options=options)
    await begun(installed)
    return installed, speech


def is_a_charge(writes: Sequence[Write]) -> bool:
    """Return whether a commit writes a run that has been charged."""
    return any(b'"charges"' in getattr(each, "body", b"") for each in writes)


async def worked_for_hours(installed) -> None:
    for _ in range(2 * MAX_ATTEMPTS):
        await installed.work()
        installed.clock.advance(hours=1)


async def test_a_recording_that_was_paid_twice_in_vain_is_not_paid_again_until_somebody_asks():
    installed, speech = await with_paid_speech(EngineFailed(reason="timeout"))
    await worked_for_hours(installed)
    run = await installed.run()
    assert (speech.paid, run.state, run.error_code) == (2, RunState.FAILED, "paid_tries")
    assert installed.told() == ["SESSION_FAILED"]
    speech.failure = None
    await review.retry(
        ACTOR, SESSION, records=installed.records, waiting_list=installed.installation.waiting_list
    )
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert (speech.paid, (await installed.run()).charges) == (3, 1)


@pytest.mark.parametrize("most", [1, 3])
async def test_how_often_is_a_setting(most):
    installed, speech = await with_paid_speech(EngineFailed(reason="timeout"), paid_tries=most)
    await worked_for_hours(installed)
    assert (speech.paid, (await installed.run()).error_code) == (most, "paid_tries")


async def test_what_the_service_did_not_take_is_tried_as_often_as_any_failure():
    refusal = EngineFailed(reason=503)
    refusal.uncharged = True
    installed, speech = await with_paid_speech(refusal)
    await worked_for_hours(installed)
    run = await installed.run()
    assert (speech.paid, run.attempt, run.charges) == (MAX_ATTEMPTS, MAX_ATTEMPTS, 0)
    assert run.error_code == "engine_failed"


async def test_a_charge_is_written_before_it_is_paid_so_that_a_worker_that_dies_counts():
    installed, speech = await with_paid_speech(None, **SHORT_LEASE)
    speech.go.clear()
    work = asyncio.create_task(installed.work())
    while not speech.paid:  # noqa: ASYNC110 - the work goes on meanwhile
        await asyncio.sleep(0)
    assert (await installed.run()).charges == 1
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await installed.run()).charges == 1


async def test_a_run_whose_workers_died_after_two_charges_ends_with_the_next_claim():
    installed, speech = await with_paid_speech()
    run = claimed(
        await installed.run(),
        lease="dead",
        now=installed.clock.now,
        hold=MINUTE,
        within=10 * MINUTE,
    )
    await installed.write(installed.records.runs.write(charged(charged(run))))
    installed.clock.advance(minutes=1)
    await installed.work()
    run = await installed.run()
    assert (speech.paid, run.state, run.error_code) == (0, RunState.FAILED, "paid_tries")
    assert installed.told() == ["SESSION_FAILED"]


async def test_a_charge_that_can_not_be_written_is_not_paid():
    installed, speech = await with_paid_speech()

    async def refuse_charges(_: str, writes: Sequence[Write]) -> None:
        if is_a_charge(writes):
            raise Unavailable

    installed.store.before_commit = refuse_charges
    await installed.work()
    run = await installed.run()
    assert (speech.paid, run.state, run.error_code) == (0, RunState.DUE, "unavailable")
    installed.store.before_commit = nothing
    installed.clock.advance(minutes=1)
    await installed.work()
    assert (speech.paid, (await installed.session()).state) == (1, State.AWAITING_REVIEW)


async def test_a_stop_while_a_charge_is_being_written_gives_the_run_back_with_it():
    installed, speech = await with_paid_speech(None, **SHORT_LEASE)
    writing = asyncio.Event()

    async def answer_late(_: str, writes: Sequence[Write]) -> None:
        if is_a_charge(writes) and not writing.is_set():
            writing.set()
            await asyncio.sleep(0.05)

    installed.store.after_commit = answer_late
    work = asyncio.create_task(installed.work())
    await writing.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    run = await installed.run()
    assert (speech.paid, run.state, run.charges, run.claims) == (0, RunState.DUE, 1, 0)
