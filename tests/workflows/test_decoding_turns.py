"""Playback gives way while a recording is decoded for which somebody waits, and only then."""

import asyncio
import os
from array import array
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from mmap import mmap
from typing import Any

import pytest
import uvloop

from tests.builders import PRACTICE, a_wav
from tests.workflows.memory_installation import (
    ACTOR,
    MemoryInstallation,
    an_installation,
    upload,
)
from tests.workflows.playing import PlayingDecoder, sound
from therapy.domain.run import RunKind
from therapy.domain.upload import BLOCK_SIZE
from therapy.workflows.decoding_turns import NUMBERS, QUIET_SECONDS, DecodingTurns
from therapy.workflows.uploads import receiving


class WatchedTurns(DecodingTurns):
    """Counts the pieces of sound that go by, and tells when somebody gives way."""

    def __init__(self) -> None:
        super().__init__()
        self.noted = 0
        self.asked = asyncio.Event()

    async def watched(self, run: str, pcm: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for chunk in super().watched(run, pcm):
            self.noted += 1
            yield chunk

    async def give_way(self, most: float = 600.0) -> float:
        self.asked.set()
        return await super().give_way(most)


async def pieces() -> AsyncGenerator[bytes, None]:
    for _ in range(100):
        await asyncio.sleep(QUIET_SECONDS / 10)
        yield b"sound"


async def decoding(turns: DecodingTurns) -> None:
    """A recording is decoded, on and on."""
    await turns.begin("another run")
    while True:
        async for _ in turns.watched("another run", pieces()):
            pass


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


class ArrivingDecoder(PlayingDecoder):
    """Another recording arrives while it makes the first piece; counts the pieces that were taken."""

    def __init__(self, turns: DecodingTurns) -> None:
        super().__init__()
        self._turns, self.taken = turns, 0

    async def playback(self, *recordings: Any, **options: Any) -> AsyncGenerator[Any, None]:
        self._turns.note_arrival()
        async for piece in super().playback(*recordings, **options):
            yield piece
            self.taken += 1


async def test_playback_stands_still_between_two_pieces_while_another_recording_arrives() -> None:
    turns = DecodingTurns()
    decoder = ArrivingDecoder(turns)
    options = {"turns": turns, "kinds": frozenset(RunKind)}
    installed = await an_installation(audio=decoder, worker_options=options)
    receipt = await upload(installed.intake, a_wav(sound(20.0)))
    await installed.worker.work_on(PRACTICE, receipt.session_id)
    working = asyncio.create_task(installed.worker.work_on(PRACTICE, receipt.session_id))
    await decoder.asked.wait()
    await asyncio.sleep(QUIET_SECONDS)
    taken_meanwhile = decoder.taken
    await working
    assert taken_meanwhile == 0
    assert decoder.taken > 2


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
    async with aclosing(turns.watched("slow", pieces())) as sound:
        await anext(sound)
        await asyncio.sleep(QUIET_SECONDS)
        assert await begun(turns, "fast") == ["fast"]


async def test_a_decoder_that_is_slow_itself_keeps_its_place() -> None:
    async def slowly() -> AsyncGenerator[bytes, None]:
        yield b"sound"
        await asyncio.sleep(60)

    turns = DecodingTurns(1)
    await turns.begin("slow")
    sound = turns.watched("slow", slowly())
    await anext(sound)
    waiting = asyncio.create_task(anext(sound))
    await asyncio.sleep(2 * QUIET_SECONDS)
    assert await begun(turns, "another") == []
    waiting.cancel()


async def test_a_run_waits_for_its_place_for_a_bounded_time() -> None:
    turns = DecodingTurns(1)
    await turns.begin("first")
    async with asyncio.timeout(10):
        await turns.begin("second", QUIET_SECONDS)


async def test_a_transcription_that_is_done_leaves_its_place_at_once() -> None:
    turns = DecodingTurns(1)
    installed, session = await with_session(turns, RunKind.TRANSCRIBE)
    await installed.worker.work_on(PRACTICE, session)
    assert await begun(turns, "another run") == ["another run"]


async def test_who_came_first_is_decoded_first() -> None:
    turns = DecodingTurns(1)
    await turns.begin("first")
    waiting = [asyncio.create_task(turns.begin(run), name=run) for run in ("second", "third")]
    await asyncio.sleep(QUIET_SECONDS)
    turns.end("first")
    async with asyncio.timeout(10):
        done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.get_name() for task in done] == ["second"]
    for task in others:
        task.cancel()


@pytest.mark.slow
def test_runs_that_come_in_the_same_millisecond_do_not_wait_for_each_other() -> None:
    async def begun_after_the_first() -> int:
        turns = DecodingTurns(1)
        await turns.begin("first")
        waiting = [asyncio.create_task(turns.begin(run)) for run in ("second", "third")]
        await asyncio.sleep(QUIET_SECONDS)
        turns.end("first")
        done, others = await asyncio.wait(waiting, timeout=4 * QUIET_SECONDS)
        for task in others:
            task.cancel()
        return len(done)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # it counts milliseconds
        assert runner.run(begun_after_the_first()) == 1


async def test_a_run_that_is_ended_while_it_waits_keeps_no_place() -> None:
    turns = DecodingTurns(1)
    await turns.begin("first")
    assert await begun(turns, "second") == []
    turns.end("first")
    assert await begun(turns, "third") == ["third"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the child does nothing else
def test_forked_processes_share_their_turns() -> None:
    turns = DecodingTurns(1, memoryview(mmap(-1, 2 * NUMBERS * 8)).cast("d"))
    if not (child := os.fork()):
        turns.use_places_of(1)
        asyncio.run(turns.begin("theirs"))
        os._exit(0)
    os.waitpid(child, 0)
    assert asyncio.run(begun(turns, "ours")) == []
    assert asyncio.run(turns.give_way(QUIET_SECONDS)) >= QUIET_SECONDS


async def test_playback_gives_way_to_a_recording_that_arrives_but_no_transcript_does() -> None:
    turns = DecodingTurns(1)
    installed = await an_installation(options={"turns": turns})
    before = await turns.give_way(QUIET_SECONDS)
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        await incoming.write(a_wav(bytes(BLOCK_SIZE)))
        assert await turns.give_way(QUIET_SECONDS) > before
        assert await begun(turns, "a transcript") == ["a transcript"]


async def test_playback_does_not_wait_for_a_short_recording_that_has_arrived() -> None:
    table = memoryview(array("d", [0.0] * NUMBERS))
    installed = await an_installation(options={"turns": DecodingTurns(1, table)})
    await upload(installed.intake, a_wav(sound(20.0)))
    assert table.tolist() == [0.0] * NUMBERS


async def test_playback_begins_only_once_nothing_is_being_decoded() -> None:
    turns, audio = DecodingTurns(), PlayingDecoder()
    options = {"turns": turns, "kinds": frozenset(RunKind)}
    installed = await an_installation(audio=audio, worker_options=options)
    session = (await upload(installed.intake, a_wav(sound(20.0)))).session_id
    await installed.worker.work_on(PRACTICE, session)
    busy = asyncio.create_task(decoding(turns))
    working = asyncio.create_task(installed.worker.work_on(PRACTICE, session))
    await asyncio.sleep(2 * QUIET_SECONDS)
    while_busy = audio.times
    busy.cancel()
    await working
    assert (while_busy, audio.times) == (0, 1)
