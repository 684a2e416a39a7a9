"""Playback gives way while a recording is decoded for which somebody waits, and only then."""

import asyncio

from tests.builders import PRACTICE, a_wav
from tests.workflows.memory_installation import MemoryInstallation, an_installation, upload
from tests.workflows.playing import PlayingDecoder, sound
from therapy.domain.run import RunKind
from therapy.workflows.decoding_turns import QUIET_SECONDS, DecodingTurns


class WatchedTurns(DecodingTurns):
    """Counts what is noted, and tells when somebody gives way."""

    def __init__(self) -> None:
        super().__init__()
        self.noted = 0
        self.asked = asyncio.Event()

    def note(self) -> None:
        self.noted += 1
        super().note()

    async def give_way(self, most: float = 600.0) -> float:
        self.asked.set()
        return await super().give_way(most)


async def decoding(turns: DecodingTurns) -> None:
    """A recording is decoded, on and on."""
    while True:
        turns.note()
        await asyncio.sleep(QUIET_SECONDS / 10)


async def with_session(turns: DecodingTurns, *kinds: RunKind) -> tuple[MemoryInstallation, str]:
    """A session whose recording waits for a worker that does these kinds."""
    options = {"turns": turns, "kinds": frozenset(kinds)}
    installed = await an_installation(audio=PlayingDecoder(), worker_options=options)
    receipt = await upload(installed.intake, a_wav(sound(20.0)))
    return installed, receipt.session_id


async def test_a_transcription_notes_that_it_decodes() -> None:
    turns = WatchedTurns()
    installed, session = await with_session(turns, RunKind.TRANSCRIBE)
    await installed.worker.work_on(PRACTICE, session)
    assert turns.noted > 0
    assert not turns.asked.is_set()


async def test_playback_goes_on_only_once_no_other_recording_is_being_decoded() -> None:
    turns = WatchedTurns()
    installed, session = await with_session(turns, *RunKind)
    await installed.worker.work_on(PRACTICE, session)  # its transcript; the playback follows
    busy = asyncio.create_task(decoding(turns))
    working = asyncio.create_task(installed.worker.work_on(PRACTICE, session))
    await turns.asked.wait()
    await asyncio.sleep(2 * QUIET_SECONDS)
    working_while_busy = not working.done()
    busy.cancel()
    await working
    playback = await installed.records.playbacks.of_session(PRACTICE, session)
    assert working_while_busy
    assert playback is not None


async def test_playback_gives_way_for_a_bounded_time() -> None:
    turns = DecodingTurns()
    busy = asyncio.create_task(decoding(turns))
    await asyncio.sleep(0)
    took = await turns.give_way(QUIET_SECONDS)
    busy.cancel()
    assert took >= QUIET_SECONDS
    assert await turns.give_way(0.0) < QUIET_SECONDS
