"""A cut at every awaited call while playback is made, made anew or erased: in the end its files are right."""

import dataclasses
from contextlib import suppress

import pytest

from tests.builders import a_wav
from tests.chaos.steps import Crash, Cut, Lifetime, Process, at_every_call
from tests.workflows.memory_installation import ACTOR, MemoryInstallation, upload
from tests.workflows.playing import HEAD, PlayingDecoder, sound
from tests.workflows.test_playback_runs import GAP, file_of, kept, only, transcribed, worked
from therapy.domain.errors import NotFound, TherapyError
from therapy.domain.playback import all_keys
from therapy.domain.run import RunKind, RunState
from therapy.workflows import review

pytestmark = pytest.mark.slow  # whole sessions, cut at each call

FIRST, SECOND = sound(0.2), sound(0.2, seed=2)
CUTS = (Cut.DIES_BEFORE, Cut.DIES_AFTER, Cut.FAILS, Cut.ANSWER_LOST)

every_death = pytest.mark.parametrize("cut", CUTS[:2], ids=lambda cut: cut.value)
every_cut = pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.value)


async def work(installed: MemoryInstallation) -> None:
    with suppress(TherapyError):  # a worker waits for its next sweep
        await worked(installed)


async def come_to_rest(installed: MemoryInstallation) -> None:
    """Let pauses and leases run out, and do what is due then, as a healthy process does."""
    for _ in range(3):
        installed.clock.advance(minutes=2)
        await installed.sweep()
        await worked(installed)
    installed.clock.advance(hours=3)
    await installed.sweep()
    assert await installed.recordings.staged_before(installed.clock(), 100) == ()


@every_cut
async def test_of_a_file_that_is_being_made_nothing_is_lost_and_nothing_left(cut):
    async def life(process: Process) -> None:
        before, session_id = await transcribed(PlayingDecoder(), FIRST, **only(RunKind.TRANSCRIBE))
        installed = dataclasses.replace(before, worker_options={})
        await Lifetime(installed, process).until_done(work)
        await come_to_rest(installed)
        assert {run.state for run in await installed.runs(session_id)} == {RunState.DONE}
        assert await file_of(installed, session_id) == HEAD + FIRST
        session = await installed.session(session_id)
        assert await kept(installed) == {session.recording.key, *all_keys(session)}

    await at_every_call(life, cut)


async def test_one_more_recording_leaves_its_file_and_no_earlier_one():
    async def life(process: Process) -> None:
        installed, session_id = await transcribed(PlayingDecoder(), FIRST)
        await upload(installed.intake, a_wav(SECOND), continues=session_id)
        await Lifetime(installed, process).until_done(work)
        await come_to_rest(installed)
        assert await file_of(installed, session_id) == HEAD + FIRST + GAP + SECOND
        session = await installed.session(session_id)
        recorded = {each.key for each in session.recordings}
        assert await kept(installed) == recorded | set(all_keys(session)[2:])

    await at_every_call(life, Cut.DIES_AFTER)


@every_death
async def test_a_session_that_is_cancelled_leaves_no_file_for_players(cut):
    async def life(process: Process) -> None:
        installed, session_id = await transcribed(PlayingDecoder(), FIRST)

        async def cancelled(running: MemoryInstallation) -> None:
            with suppress(NotFound):  # erased, and the answer was lost
                await review.cancel(ACTOR, session_id, records=running.records)

        await Lifetime(installed, process).until_done(cancelled)
        await come_to_rest(installed)
        assert await kept(installed) == set()

    await at_every_call(life, cut)


@every_death
async def test_a_session_that_is_cancelled_after_its_worker_died_leaves_no_file_for_players(cut):
    async def life(process: Process) -> None:
        before, session_id = await transcribed(PlayingDecoder(), FIRST, **only(RunKind.TRANSCRIBE))
        installed = dataclasses.replace(before, worker_options={})
        with suppress(Crash):
            await work(process.running(installed))
        await review.cancel(ACTOR, session_id, records=installed.records)
        await come_to_rest(installed)
        assert await kept(installed) == set()

    await at_every_call(life, cut)
