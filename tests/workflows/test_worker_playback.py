"""The worker's task for playback: one file at a time, and no session and no insights wait for it."""

import asyncio
from datetime import timedelta

from tests.builders import a_wav
from tests.workflows.memory_installation import MemoryInstallation, an_installation, upload
from tests.workflows.playing import PlayingDecoder, sound
from tests.workflows.test_worker_insights import one_place, until
from therapy.domain.run import RunKind, RunState
from therapy.domain.session import State


async def states_of(installed: MemoryInstallation, session_id: str) -> dict[RunKind, RunState]:
    return {run.kind: run.state for run in await installed.runs(session_id)}


async def test_sessions_are_transcribed_and_insights_found_while_a_file_is_being_made():
    decoder = PlayingDecoder()
    decoder.released.clear()
    installed = await an_installation(audio=decoder)
    async with one_place(installed, timedelta(milliseconds=50)):
        ids = [
            (await upload(installed.intake, a_wav(sound(0.5, seed)))).session_id
            for seed in (1, 2, 3)
        ]

        async def all_but_playback() -> bool:
            done = {RunKind.TRANSCRIBE: RunState.DONE, RunKind.INSIGHTS: RunState.DONE}
            found = [await states_of(installed, each) for each in ids]
            return all(done.items() <= each.items() for each in found)

        await until(all_but_playback)
        async with asyncio.timeout(20):
            await decoder.asked.wait()
        assert decoder.times == 1, "one at a time"
        for session_id in ids:
            session = await installed.session(session_id)
            assert session.state is State.AWAITING_REVIEW
            assert (await states_of(installed, session_id))[RunKind.PLAYBACK] is not RunState.DONE
        decoder.released.set()

        async def all_made() -> bool:
            found = [await states_of(installed, each) for each in ids]
            return all(each[RunKind.PLAYBACK] is RunState.DONE for each in found)

        await until(all_made)
    assert decoder.times == len(ids)


async def test_a_worker_that_is_stopped_puts_back_the_file_that_it_was_making():
    decoder = PlayingDecoder()
    decoder.released.clear()
    installed = await an_installation(audio=decoder)
    async with one_place(installed, timedelta(milliseconds=50)):
        session_id = (await upload(installed.intake, a_wav(sound(0.5)))).session_id
        async with asyncio.timeout(20):
            await decoder.asked.wait()
    (run,) = [each for each in await installed.runs(session_id) if each.kind is RunKind.PLAYBACK]
    assert (run.state, run.claims) == (RunState.DUE, 0)
    session = await installed.session(session_id)
    kept = {key async for _, key in installed.recordings.kept()}
    assert kept == {session.recording.key}
