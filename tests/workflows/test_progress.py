"""Progress of a run: what was read and recognised of the audio, written every two seconds if it moved."""

import asyncio

import pytest

from tests.workflows.memory_installation import SCRIPT, an_installation, begun
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.run import Run
from therapy.ports.speech import SpeechProgress
from therapy.workflows.transcription import ALMOST, READING, ShareDone


class KnownLength(MemoryAudioDecoder):
    """Says that every recording lasts ten seconds."""

    async def length_ms(self, practice_id, read, size) -> int:
        return 10_000


class StepwiseSpeech(MemorySpeech):
    """Takes all audio, then says after each step how much of it is processed."""

    def __init__(self, steps: tuple[int, ...]) -> None:
        super().__init__(SCRIPT)
        self.steps, self.go = steps, asyncio.Semaphore(0)

    async def transcribe(self, practice_id, pcm, options):
        whole = b"".join([each async for each in pcm])
        for step in self.steps:
            yield SpeechProgress(step)
            await self.go.acquire()

        async def again():
            yield whole

        async for event in super().transcribe(practice_id, again(), options):
            yield event


async def seen_later(installed, than: float) -> Run:
    """Return the run once more of it is written to be done."""
    for _ in range(600):
        if (run := await installed.run()).progress > than:
            return run
        await asyncio.sleep(0.02)
    raise AssertionError("no progress was written")


async def test_progress_is_what_was_recognised_and_is_written_before_the_lease_needs_it():
    speech = StepwiseSpeech((2_500, 7_500))
    installed = await an_installation(audio=KnownLength(), speech=speech)
    await begun(installed)
    work = asyncio.create_task(installed.work())
    first = await seen_later(installed, 0.0)
    assert first.progress == pytest.approx(READING + (ALMOST - READING) * 0.25)
    speech.go.release()
    second = await seen_later(installed, first.progress)
    assert second.progress == pytest.approx(READING + (ALMOST - READING) * 0.75)
    assert second.stage == "recognising"
    speech.go.release()
    await work
    assert (await installed.run()).progress == 1.0


def test_without_a_known_length_progress_is_what_was_read():
    share = ShareDone(size=100, length_ms=0, bytes_read=50, processed_ms=9_000)
    assert share.value == ALMOST * 0.5


def test_more_audio_than_the_headers_say_is_not_more_than_all():
    share = ShareDone(size=100, length_ms=1_000, bytes_read=300, processed_ms=9_000)
    assert share.value == pytest.approx(ALMOST)
