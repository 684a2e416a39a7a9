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

    def note(self, run: str) -> None:
        self.noted += 1
        super().note(run)

    async def give_way(self, most: float = 600.0) -> float:
        self.asked.set()
        return await super().give_way(most)


async def decoding(turns: DecodingTurns) -> None:
    """A recording is decoded, on and on."""
    while True:
        turns.note("another run")
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


async def begun(turns: DecodingTurns, *runs: str) -> list[str]:
    """Which of these runs may begin at once."""
    tasks = [asyncio.create_task(turns.begin(run), name=run) for run in runs]
    await asyncio.sleep(QUIET_SECONDS)
    for task in tasks:
        task.cancel()
    return [task.get_name() for task in tasks if task.done() and not task.cancelled()]


async def test_as_many_recordings_are_decoded_at_once_as_are_allowed() -> None:
    turns = DecodingTurns(2)
    assert await begun(turns, "one", "two", "three") == ["one", "two"]
    turns.end("one")
    assert await begun(turns, "three") == ["three"]


async def test_a_recording_at_the_speed_of_speech_takes_nobodys_place() -> None:
    turns = DecodingTurns(1)
    await turns.begin("slow")
    turns.note("slow")
    await asyncio.sleep(QUIET_SECONDS)
    assert await begun(turns, "fast") == ["fast"]


async def test_a_run_waits_for_its_place_for_a_bounded_time() -> None:
    turns = DecodingTurns(1)
    await turns.begin("first")
    async with asyncio.timeout(10):
        await turns.begin("second", QUIET_SECONDS)


async def test_a_transcription_that_is_done_leaves_its_place_at_once() -> None:
    turns = DecodingTurns(1)
    installed, session = await with_session(turns, RunKind.TRANSCRIBE)
    await installed.worker.work_on(PRACTICE, session)
    assert not turns._busy("another run")
