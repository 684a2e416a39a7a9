"""What the stages of a transcription keep: a retry or a successor goes on from there, and nothing stays."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.builders import HOUR, MINUTE, PRACTICE, SESSION
from tests.workflows.memory_installation import (
    ACTOR,
    SCRIPT,
    SHORT_LEASE,
    MemoryInstallation,
    an_installation,
    begun,
)
from tests.workflows.test_run_worker import is_a_beat
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed, LeaseLost, StorageFull, Unavailable
from therapy.domain.run import RunState, claimed
from therapy.domain.session import State
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import SpeechCheckpoint, SpeechDone, SpeechOptions
from therapy.ports.store import Write
from therapy.repositories.change import Change
from therapy.workflows import review
from therapy.workflows.stage_outputs import RECOGNISED, StageOutputs, key_of, part


class WatchedSpeech(MemorySpeech):
    """Notes with what options it is asked; stands still after its first checkpoint until `go` is set."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        self.asked: list[SpeechOptions] = []
        self.stood, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()

    async def transcribe(self, practice_id, pcm, options):
        self.asked.append(options)
        async for event in super().transcribe(practice_id, pcm, options):
            yield event
            if isinstance(event, SpeechCheckpoint):
                self.stood.set()
                await self.go.wait()


class CountedSentiment(MemorySentiment):
    """Counts how often it is asked."""

    asked = 0

    async def score(self, practice_id, texts, language):
        self.asked += 1
        return await super().score(practice_id, texts, language)


CHECKPOINTS = {"checkpoint_ms": 1}


async def watched(failure=None, **options) -> tuple[MemoryInstallation, WatchedSpeech]:
    speech = WatchedSpeech(SCRIPT, failure=failure)
    installed = await an_installation(
        speech=speech,
        sentiment=CountedSentiment(),
        worker_options=SHORT_LEASE | CHECKPOINTS | options,
    )
    await begun(installed)
    return installed, speech


def kept(installed: MemoryInstallation) -> set[str]:
    """Return the names of all outputs of stages."""
    keys = {key for _, key in installed.recordings._kept if key.startswith("stage_")}
    return {key.rpartition("_")[2] for key in keys}


async def store_is_away(partition, writes) -> None:
    """Refuse to write a transcript."""
    if any(each.id.startswith("version-") for each in writes):
        raise Unavailable


async def tried_while_the_store_is_away(installed: MemoryInstallation) -> None:
    installed.store.before_commit = store_is_away
    await installed.work()
    installed.store.before_commit = nothing_happens
    assert (await installed.run()).state is RunState.DUE
    assert (await installed.session()).state is State.AWAITING_TRANSCRIPT
    installed.clock.advance(minutes=1)


async def nothing_happens(partition, writes) -> None:
    """Do nothing."""


async def test_a_retry_after_the_last_stage_asks_no_engine_again_and_nothing_is_left():
    installed, speech = await watched()
    await tried_while_the_store_is_away(installed)
    assert {RECOGNISED, "scored", part(0)} <= kept(installed)
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert (len(speech.asked), installed.ports.engines.sentiment.asked) == (1, 1)
    version = await installed.version(1)
    assert [each.text for each in version.utterances] == [each.text for each in SCRIPT]
    assert version.utterances[1].scores is not None
    assert kept(installed) == set()
    assert not installed.recordings._staged


async def test_a_retry_with_another_language_hears_the_recording_again():
    installed, speech = await watched()
    await tried_while_the_store_is_away(installed)
    run = await installed.run()
    await installed.write(installed.records.runs.write(replace(run, languages=("he-IL",))))
    await installed.work()
    assert [each.languages for each in speech.asked] == [("en-US",), ("he-IL",)]
    assert speech.asked[1].checkpoints == ()
    assert (await installed.version(1)).language == "he-IL"


async def test_an_output_that_cannot_be_read_is_made_again():
    installed, speech = await watched()
    await StageOutputs(await installed.run(), installed.recordings).keep(RECOGNISED, b"\xff")
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert len(speech.asked) == 1
    assert kept(installed) == set()


async def test_outputs_that_cannot_be_kept_are_no_reason_to_fail():
    installed, _ = await watched()

    async def no_room(*_: object) -> None:
        raise StorageFull

    installed.recordings.stage = no_room  # type: ignore[method-assign] # a full disk
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def stolen(installed: MemoryInstallation) -> None:
    """Another worker claims the run, as its lease seems to be over, and dies."""
    for _ in range(100):  # a beat may come in between
        now = installed.clock.now
        thief = claimed(await installed.run(), lease="thief", now=now, hold=MINUTE, within=HOUR)
        try:
            return await installed.write(installed.records.runs.write(thief))
        except LeaseLost:
            continue
    raise AssertionError("the run was never free")


async def standing(installed: MemoryInstallation, speech: WatchedSpeech) -> asyncio.Task[None]:
    """Begin the work and wait until it stands still after the first checkpoint."""
    speech.go.clear()
    work = asyncio.create_task(installed.work())
    await asyncio.wait_for(speech.stood.wait(), 60)
    return work


async def test_the_successor_of_a_worker_that_was_lost_goes_on_from_its_last_checkpoint():
    installed, speech = await watched()
    work = await standing(installed, speech)
    await stolen(installed)
    await asyncio.wait_for(work, 60)
    assert kept(installed) == {part(0)}
    speech.go.set()
    installed.clock.advance(minutes=2)
    await installed.work()
    first, second = speech.asked
    assert first.checkpoints == ()
    assert len(second.checkpoints) == 1
    run = await installed.run()
    (stage,) = [each for each in run.stages if each.name == "recognising"][-1:]
    assert (stage.claim, stage.engine, stage.resumed_ms) == (3, "scripted", 250)
    assert (await installed.session()).state is State.AWAITING_REVIEW
    assert kept(installed) == set()


async def test_a_worker_that_is_told_to_stop_leaves_what_it_has_to_its_successor():
    installed, speech = await watched()
    work = await standing(installed, speech)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    speech.go.set()
    await installed.work()
    assert len(speech.asked[-1].checkpoints) == 1
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_cancelling_stops_the_work_with_the_next_beat_and_no_word_of_it_stays():
    installed, speech = await watched()
    work, may_beat = await standing(installed, speech), asyncio.Event()

    async def beat_later(_: str, writes: Sequence[Write]) -> None:
        if is_a_beat(writes):
            await may_beat.wait()

    installed.store.before_commit = beat_later
    await review.cancel(ACTOR, SESSION, records=installed.records)
    run = await installed.run()
    await StageOutputs(run, installed.recordings).keep(part(0), b"written at that moment")
    may_beat.set()
    await asyncio.wait_for(work, 60)
    assert (await installed.session()).state is State.ERASED
    assert not installed.recordings._kept
    assert not installed.recordings._staged


class WaitingSpeech(WatchedSpeech):
    """Has heard everything, and stands still before its first checkpoint, until `go` is set."""

    async def transcribe(self, practice_id, pcm, options):
        length_ms = sum([len(each) async for each in pcm]) // BYTES_PER_MS
        self.stood.set()
        await self.go.wait()
        yield SpeechCheckpoint(b"heard everything")
        yield SpeechDone("scripted", "", length_ms)


async def test_nothing_that_was_said_is_kept_once_the_session_is_erased_even_between_two_beats():
    speech = WaitingSpeech(SCRIPT)
    installed = await an_installation(speech=speech, worker_options=CHECKPOINTS)
    await begun(installed)
    work = await standing(installed, speech)
    await review.cancel(ACTOR, SESSION, records=installed.records)
    staged = []

    async def note(*block: object) -> None:
        staged.append(block)

    installed.recordings.stage = note  # type: ignore[method-assign] # nothing may come here
    speech.go.set()
    await asyncio.wait_for(work, 60)
    assert staged == []
    assert not installed.recordings._kept


async def test_a_worker_that_lost_its_run_to_another_keeps_nothing_more():
    speech = WaitingSpeech(SCRIPT)
    installed = await an_installation(speech=speech, worker_options=CHECKPOINTS)
    await begun(installed)
    work = await standing(installed, speech)
    theirs = replace(await installed.run(), lease="another worker's")
    await Change(installed.records.runs.write(theirs)).commit(installed.records.store)
    speech.go.set()
    await asyncio.wait_for(work, 60)
    assert not installed.recordings._staged
    assert kept(installed) == set()


async def test_what_a_crash_leaves_after_the_transcript_is_deleted_by_the_run_for_insights():
    installed, _ = await watched()
    await installed.work()
    run = await installed.run()
    await StageOutputs(run, installed.recordings).keep(part(0), b"left")
    await installed.work()
    assert kept(installed) == set()


async def test_erasing_a_session_takes_the_outputs_of_its_failed_work_with_it():
    installed, _ = await watched(failure=EngineFailed("engine_failed", transient=False))
    await installed.work()
    assert kept(installed) == {part(0)}
    run = await installed.run()
    assert run.state is RunState.FAILED
    for stage in (RECOGNISED, part(1)):  # a crash before they were kept
        await installed.recordings.stage(PRACTICE, key_of(run, stage), 0, b"some words")
    await review.cancel(ACTOR, SESSION, records=installed.records)
    assert (await installed.session()).state is State.ERASED
    assert not installed.recordings._kept
    assert not installed.recordings._staged


async def test_each_stage_is_on_the_run_with_its_claim_its_times_and_its_error():
    installed, speech = await watched(failure=EngineFailed("engine_failed", transient=True))
    await installed.work()
    (failed,) = (await installed.run()).stages
    assert (failed.name, failed.claim, failed.error) == ("recognising", 1, "engine_failed")
    assert failed.ended_at == installed.clock.now
    speech.failure = None
    installed.clock.advance(minutes=1)
    await installed.work()
    stages = (await installed.run()).stages
    assert [(each.name, each.claim, each.engine) for each in stages[1:]] == [
        ("recognising", 2, "scripted"),
        ("roles", 2, ""),
        ("scoring", 2, ""),
    ]
    assert all(each.ended_at for each in stages)


async def test_a_long_output_is_kept_in_blocks_and_read_back_whole():
    installed, _ = await watched()
    outputs = StageOutputs(await installed.run(), installed.recordings)
    content = bytes(range(256)) * 40_000
    assert await outputs.keep(RECOGNISED, content)
    assert await outputs.load(RECOGNISED) == content
    key = key_of(outputs.run, RECOGNISED)
    assert await installed.recordings.size(PRACTICE, key) == len(content)
