"""Closing a session while a worker's places are taken by recordings: it waits for none of them."""

from datetime import timedelta

from tests.builders import SESSION, a_wav
from tests.workflows.memory_installation import (
    ACTOR,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
    upload,
)
from tests.workflows.test_worker_insights import HeldSpeech, one_place, until
from therapy.domain.run import RunKind
from therapy.domain.session import State
from therapy.workflows import review

SWEEP_EVERY = timedelta(milliseconds=50)


async def in_review(speech: HeldSpeech) -> MemoryInstallation:
    """Return an installation with a session in review, whose recogniser is held from now on."""
    installed = await an_installation(speech=speech)
    await begun(installed)
    await installed.work()
    speech.held = True
    return installed


async def submit(installed: MemoryInstallation) -> None:
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)


async def closed(installed: MemoryInstallation) -> bool:
    return (await installed.session()).state is State.CLOSED


async def test_a_session_is_closed_while_a_long_recording_has_the_only_place():
    speech = HeldSpeech()
    installed = await in_review(speech)
    async with one_place(installed, SWEEP_EVERY):
        await upload(installed.intake)
        await speech.asked.wait()
        await submit(installed)
        await until(lambda: closed(installed))
        assert not speech.released.is_set()


async def test_a_session_is_closed_before_the_recordings_that_wait_for_the_only_place():
    speech = HeldSpeech()
    installed = await in_review(speech)
    async with one_place(installed, SWEEP_EVERY):
        waiting = [
            (await upload(installed.intake, a_wav(bytes([number, 0]) * 4_000))).session_id
            for number in range(1, 4)
        ]
        await speech.asked.wait()
        await submit(installed)
        await until(lambda: closed(installed))
        assert not speech.released.is_set()
        runs = [run for each in waiting for run in await installed.runs(each)]
        assert [run.kind for run in runs] == [RunKind.TRANSCRIBE] * 3
        assert sum(run.claims for run in runs) == 1
