"""How work on a run fails: what is tried again, what is final, and who is told."""

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, SESSION
from tests.workflows.memory_installation import (
    ACTOR,
    SCRIPT,
    an_installation,
    begun,
)
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import (
    EngineDied,
    EngineFailed,
    LanguageNotSupported,
    Unavailable,
    UndecodableAudio,
)
from therapy.domain.messages import advice
from therapy.domain.run import FIRST_PAUSE, MAX_ATTEMPTS, MAX_CLAIMS, MAX_DEATHS, RunState
from therapy.domain.session import State
from therapy.workflows import review


async def test_a_transient_failure_is_tried_again_after_growing_pauses_then_told_once():
    installed = await an_installation(speech=MemorySpeech(failure=EngineFailed(transient=True)))
    await begun(installed)
    pauses = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        await installed.work()
        run = await installed.run()
        assert run.attempt == attempt
        pauses.append(run.due_at - installed.clock.now)
        await installed.work()  # too early
        assert (await installed.run()).attempt == attempt
        installed.clock.now = run.due_at
    assert pauses == [FIRST_PAUSE * 2**number for number in range(MAX_ATTEMPTS)]
    assert (await installed.run()).state is RunState.FAILED
    assert installed.told() == ["SESSION_FAILED"]
    installed.clock.advance(days=1)
    await installed.work()
    assert installed.told() == ["SESSION_FAILED"]


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
    installed = await an_installation(speech=MemorySpeech(failure=failure))
    await begun(installed)
    await installed.work()
    run = await installed.run()
    assert (run.state, run.error_code, run.attempt) == (RunState.FAILED, code, 1)
    assert installed.told() == ["SESSION_FAILED"]
    assert "dataId" not in installed.ports.push.sent[0][1].data


async def test_a_recording_that_is_missing_is_named_with_what_to_do():
    installed = await an_installation()
    await begun(installed)
    (recording,) = (await installed.session()).recordings
    await installed.recordings.delete(PRACTICE, recording.key)
    await installed.work()
    run = await installed.run()
    assert (run.state, run.error_code) == (RunState.FAILED, "recording_missing")
    assert "backup" in advice(run.error_code, "en")


async def test_a_failed_session_that_is_tried_again_begins_anew():
    speech = MemorySpeech(SCRIPT, failure=UndecodableAudio())
    installed = await an_installation(speech=speech)
    await begun(installed)
    await installed.work()
    await review.retry(
        ACTOR, SESSION, records=installed.records, waiting_list=installed.installation.waiting_list
    )
    await installed.work()
    assert installed.told() == ["SESSION_FAILED", "SESSION_FAILED"]
    assert len({push.id for _, push in installed.ports.push.sent}) == 2
    speech.failure = None
    await review.retry(
        ACTOR, SESSION, records=installed.records, waiting_list=installed.installation.waiting_list
    )
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert (await installed.run()).languages == ("en-US",)  # what it was asked with stays


async def test_a_store_that_is_away_for_a_while_is_a_failed_attempt():
    class Away(MemorySpeech):
        async def transcribe(self, practice_id, pcm, options):
            raise Unavailable
            yield

    installed = await an_installation(speech=Away())
    await begun(installed)
    await installed.work()
    run = await installed.run()
    assert (run.state, run.error_code) == (RunState.DUE, "unavailable")


async def test_a_bug_is_a_failed_attempt_and_is_raised():
    class Buggy(MemorySpeech):
        async def transcribe(self, practice_id, pcm, options):
            raise ZeroDivisionError
            yield

    installed = await an_installation(speech=Buggy())
    await begun(installed)
    with pytest.raises(ZeroDivisionError):
        await installed.work()
    run = await installed.run()
    assert (run.state, run.error_code) == (RunState.DUE, "internal")


async def test_a_recording_that_kills_its_workers_is_given_up_in_the_end():
    installed = await an_installation()
    await begun(installed)
    killed = replace(await installed.run(), claims=MAX_CLAIMS)
    await installed.write(installed.records.runs.write(killed))
    await installed.work()
    run = await installed.run()
    assert (run.state, run.error_code) == (RunState.FAILED, "worker_died")
    assert installed.told() == ["SESSION_FAILED"]


async def test_a_recording_at_which_three_child_processes_die_is_given_up():
    installed = await an_installation(speech=MemorySpeech(failure=EngineDied(reason="signal")))
    await begun(installed)
    for deaths in range(1, MAX_DEATHS + 1):
        await installed.work()
        run = await installed.run()
        assert run.deaths == deaths
        installed.clock.now = run.due_at
    assert (run.state, run.error_code) == (RunState.FAILED, "too_demanding")
    assert installed.told() == ["SESSION_FAILED"]


async def test_a_recording_that_is_too_long_fails_at_once_and_says_how_long_it_may_be():
    installed = await an_installation(worker_options={"longest_ms": 100})
    await begun(installed)
    await installed.work()
    run = await installed.run()
    assert (run.state, run.attempt, run.error_code) == (RunState.FAILED, 1, "too_long")
    assert run.error_details == {"longest": "0"}
    assert installed.told() == ["SESSION_FAILED"]
