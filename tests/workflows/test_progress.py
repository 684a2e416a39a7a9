"""Progress of a run: what was read and recognised of the audio, written with the lease's beats."""

import asyncio

import pytest

from tests.builders import a_run
from tests.workflows.memory_installation import (
    SCRIPT,
    SHORT_LEASE,
    an_installation,
    begun,
    upload,
)
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.run import Run
from therapy.domain.session import Recording
from therapy.ports.speech import SpeechProgress
from therapy.workflows.claimed_run import ClaimedRun
from therapy.workflows.transcription import ALMOST, READING, ShareDone


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


class CountingDecoder(MemoryAudioDecoder):
    """Counts how often a container is looked at without decoding it."""

    checks = 0

    async def check(self, *args, **options):
        self.checks += 1
        return await super().check(*args, **options)


TEN_SECONDS = Recording("recording-1", 10, "0" * 64, "audio/wav", length_ms=10_000)


async def test_progress_is_what_was_recognised_and_is_written_with_the_beat_of_the_lease():
    speech = StepwiseSpeech((2_500, 7_500))
    installed = await an_installation(speech=speech, worker_options=SHORT_LEASE)
    await begun(installed, recording=TEN_SECONDS)
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


def test_only_a_twentieth_of_the_work_or_a_new_stage_is_written_before_the_lease_needs_a_beat():
    claimed = ClaimedRun(a_run(stage="recognising", progress=0.5), "recognising", 0.54)
    assert not claimed.has_news
    claimed.progress = 0.55
    assert claimed.has_news
    assert ClaimedRun(claimed.run, "scoring", 0.5).has_news


async def test_the_length_is_what_the_check_of_the_upload_found_and_no_work_looks_for_it_again():
    audio = CountingDecoder()
    installed = await an_installation(audio=audio)
    receipt = await upload(installed.intake)
    assert (await installed.session(receipt.session_id)).recording.length_ms == 250
    assert audio.checks == 1
    await installed.work(receipt.session_id)
    assert (await installed.run(receipt.session_id)).progress == 1.0
    assert audio.checks == 1


async def test_a_decoder_that_does_not_say_the_length_leaves_it_unknown():
    class Silent(MemoryAudioDecoder):
        async def check(self, *args, **options) -> None:
            await super().check(*args, **options)

    installed = await an_installation(audio=Silent())
    receipt = await upload(installed.intake)
    assert (await installed.session(receipt.session_id)).recording.length_ms == 0


def test_without_a_known_length_progress_is_what_was_read():
    share = ShareDone(size=100, length_ms=0, bytes_read=50, processed_ms=9_000)
    assert share.value == ALMOST * 0.5


def test_more_audio_than_the_headers_say_is_not_more_than_all():
    share = ShareDone(size=100, length_ms=1_000, bytes_read=300, processed_ms=9_000)
    assert share.value == pytest.approx(ALMOST)
