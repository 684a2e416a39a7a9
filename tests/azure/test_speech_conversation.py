"""The conversation transcriber: the real SDK against the fake of its service, which has its faults.

Nothing here is measured in time: where something must not block the loop, the loop's progress counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.azure.speech_fakes import (
    SECOND,
    an_access,
    done,
    heard,
    lines,
    phrases,
    progress,
    said,
    seconds,
    talking_to,
    until,
    utterances,
)
from tests.builders import PRACTICE
from tests.emulators.faults import Fault
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.connection import Deadlines, SpeechAccess
from therapy.adapters.azure.speech.conversation_transcriber import _config
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine, SpeechLimits
from therapy.domain.errors import EngineFailed, ErrorClass, RecordingTooLong, UndecodableAudio
from therapy.ports.speech import SpeechOptions, SpeechProgress

pytestmark = pytest.mark.slow

IMPATIENT = Deadlines(talking=1.0, ending=1.0)


@pytest.fixture
def fake(fake_speech: FakeSpeech) -> FakeSpeech:
    return fake_speech


def requests_of(fake: FakeSpeech) -> list[dict[str, object]]:
    """The queries of the connections that were let in."""
    return [call["query"] for call in fake.calls]


async def test_each_phrase_arrives_once_in_order_with_its_times_its_voice_and_its_words(
    fake: FakeSpeech,
) -> None:
    fake.phrases = phrases(9, speakers=3)
    events = await heard(talking_to(fake), seconds(30))
    assert lines(events) == said(fake.phrases)
    for each in utterances(events):
        assert len(each.words) == len(each.text.split())
        assert each.start_ms == each.words[0].start_ms
        assert (each.confidence, each.word_confidence) == (0.93, 0.9)
    assert done(events).engine == "azure-conversation"
    assert done(events).language == "en-US"
    assert done(events).duration_ms == 30_000
    assert progress(events) == sorted(set(progress(events)))
    assert progress(events)[-1] <= 30_000


async def test_what_is_said_is_asked_for_as_it_is_and_kept_nowhere(fake: FakeSpeech) -> None:
    await heard(talking_to(fake), seconds(2), "he")
    (query,) = requests_of(fake)
    assert query["language"] == "he-IL"
    assert query["profanity"] == "raw"
    assert query["wordLevelTimestamps"] == "true"
    assert query["wordLevelConfidence"] == "true"
    assert "storeAudio" not in query


async def test_what_is_said_is_in_no_log(
    fake: FakeSpeech, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.phrases = phrases(2)
    events = await heard(talking_to(fake), seconds(6))
    assert len(utterances(events)) == 2
    assert "phrase number" not in caplog.text


async def test_the_service_is_told_which_terms_to_expect_in_every_turn(fake: FakeSpeech) -> None:
    hints = tuple(f"sertraline {n} ד״ר" for n in range(500))
    await heard(talking_to(fake), seconds(2), hints=hints)
    for context in fake.calls[0]["contexts"]:
        (group,) = context["dgi"]["Groups"]
        assert tuple(each["Text"] for each in group["Items"]) == hints


async def test_the_language_is_found_out_among_several(fake: FakeSpeech) -> None:
    fake.phrases = [each | {"lang": "en-US"} for each in phrases(3)]
    events = await heard(talking_to(fake), seconds(10), "he-IL", "en-US")
    assert done(events).language == "en-US"
    assert fake.calls[0]["contexts"][0]["languageId"]["languages"] == ["he-IL", "en-US"]


async def test_each_of_several_languages_is_recognised_as_itself_also_after_a_silent_start(
    fake: FakeSpeech,
) -> None:
    script = phrases(6)
    for each, language in zip(script, ("en-US", "he-IL") * 3, strict=True):
        each |= {"lang": language, "at": each["at"] + 8_000}
    fake.phrases = script
    events = await heard(talking_to(fake), seconds(30), "he-IL", "en-US")
    assert lines(events) == said(script)


async def test_a_recording_that_the_service_would_end_is_too_long(fake: FakeSpeech) -> None:
    fake.phrases = phrases(10)
    fake.longest_seconds = 20
    limits = SpeechLimits(conversation_ms=20_000)
    with pytest.raises(RecordingTooLong) as failed:
        await heard(talking_to(fake, limits=limits), seconds(30))
    assert failed.value.details == {"longest": 20}


async def test_who_can_not_be_told_apart_is_nobody_and_silence_is_no_utterance(
    fake: FakeSpeech,
) -> None:
    fake.phrases = [
        {"at": 100, "dur": 900, "speaker": "Unknown", "text": "Who is this?"},
        {"at": 1_100, "dur": 900, "speaker": None, "text": "Nobody."},
        {"at": 2_100, "dur": 900, "speaker": "Guest-2", "text": "", "status": "NoMatch"},
        {"at": 3_100, "dur": 900, "speaker": "Guest-3", "text": "A third one."},
    ]
    events = await heard(talking_to(fake), seconds(6))
    assert [each.voice for each in utterances(events)] == ["", "", "3"]


@pytest.mark.parametrize("how", ["reset", "eof", "close"])
async def test_a_connection_that_drops_in_every_half_minute_loses_and_doubles_nothing(
    fake: FakeSpeech, how: str
) -> None:
    fake.phrases = phrases(40)
    fake.add(Fault(on="stream", kind=how, seconds=29, times=None))
    events = await heard(talking_to(fake), seconds(120))
    assert lines(events) == said(fake.phrases)
    for each in utterances(events):
        assert all(
            each.start_ms <= word.start_ms <= word.end_ms <= each.end_ms for word in each.words
        )
    assert fake.upgrades >= 5


async def test_a_turn_that_the_server_ends_is_gone_on_with(fake: FakeSpeech) -> None:
    fake.phrases = phrases(10)
    fake.turn_end_every = 2
    events = await heard(talking_to(fake), seconds(30))
    assert lines(events) == said(fake.phrases)
    assert len(fake.calls[0]["turns"]) > 2


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (401, ErrorClass.PERMANENT),
        (403, ErrorClass.PERMANENT),
        (400, ErrorClass.PERMANENT),
        (429, ErrorClass.TRANSIENT),
        (500, ErrorClass.TRANSIENT),
        (503, ErrorClass.TRANSIENT),
    ],
)
async def test_a_refusal_is_given_up_or_tried_again(
    fake: FakeSpeech, status: int, error_class: ErrorClass
) -> None:
    fake.add(Fault(on="upgrade", status=status, message="quoting what was said", times=None))
    with pytest.raises(EngineFailed) as failed:
        await heard(talking_to(fake), seconds(5))
    assert failed.value.error_class is error_class
    assert "quoting" not in repr(failed.value)


async def test_a_wrong_key_is_given_up(fake: FakeSpeech) -> None:
    speech = AzureSpeech(replace(an_access(fake), key="another"), engine=Engine.CONVERSATION)
    with pytest.raises(EngineFailed) as failed:
        await heard(speech, seconds(5))
    assert failed.value.error_class is ErrorClass.PERMANENT
    assert fake.upgrades == 1


@pytest.mark.parametrize("kind", ["stall", "silent"])
async def test_a_server_that_falls_silent_is_left_and_tried_again(
    fake: FakeSpeech, kind: str
) -> None:
    fake.phrases = phrases(3)
    fake.add(Fault(on="stream", kind=kind, seconds=4, times=None))
    with pytest.raises(EngineFailed) as failed:
        await heard(talking_to(fake, deadlines=IMPATIENT), seconds(12))
    assert failed.value.error_class is ErrorClass.TRANSIENT
    assert failed.value.details["reason"] == "silent"


async def test_a_recording_that_comes_slowly_is_waited_for(fake: FakeSpeech) -> None:
    fake.phrases = phrases(2)

    async def with_a_pause() -> AsyncIterator[bytes]:
        yield bytes(4 * SECOND)
        await asyncio.sleep(3 * IMPATIENT.talking)
        yield bytes(4 * SECOND)

    patient_at_the_end = Deadlines(talking=IMPATIENT.talking, ending=60.0)
    events = await heard(talking_to(fake, deadlines=patient_at_the_end), with_a_pause())
    assert lines(events) == said(fake.phrases)


async def test_a_server_that_reads_slowly_holds_the_recording_back(fake: FakeSpeech) -> None:
    fake.phrases = []
    fake.add(Fault(on="stream", kind="stall", seconds=4, times=None))
    pulled = 0

    async def an_hour() -> AsyncIterator[bytes]:
        nonlocal pulled
        async for chunk in seconds(3_600):
            pulled += len(chunk)
            yield chunk

    access = replace(an_access(fake), properties={})  # the SDK's own speed
    speech = AzureSpeech(access, engine=Engine.CONVERSATION, deadlines=IMPATIENT)
    with pytest.raises(EngineFailed):
        await heard(speech, an_hour())
    assert pulled < 60 * SECOND


async def test_a_server_that_hears_nothing_makes_an_empty_transcript(fake: FakeSpeech) -> None:
    fake.add(Fault(on="stream", kind="empty"))
    events = await heard(talking_to(fake), seconds(20))
    assert not utterances(events)
    assert done(events).language == ""
    assert done(events).duration_ms == 20_000


async def test_a_stream_without_samples_asks_nobody(fake: FakeSpeech) -> None:
    events = await heard(talking_to(fake), seconds(0))
    assert events == [done(events)]
    assert done(events).duration_ms == 0
    assert fake.upgrades == 0


@pytest.mark.parametrize("off_by", [-3_600, 7, 3_600])
async def test_wrong_offsets_stay_in_order_and_within_the_recording(
    fake: FakeSpeech, off_by: int
) -> None:
    fake.phrases = phrases(5)
    fake.add(Fault(on="stream", kind="offsets", seconds=off_by, times=None))
    with contextlib.suppress(EngineFailed):  # the SDK itself may refuse them
        events = await heard(talking_to(fake), seconds(20))
        found = utterances(events)
        assert all(one.start_ms <= two.start_ms for one, two in pairwise(found))
        assert all(0 <= each.start_ms <= each.end_ms <= 20_000 for each in found)


async def test_an_error_in_mid_stream_is_gone_on_from(fake: FakeSpeech) -> None:
    fake.phrases = phrases(6)
    fake.add(Fault(on="stream", kind="error", seconds=8, message="ServiceUnavailable"))
    events = await heard(talking_to(fake), seconds(20))
    assert lines(events) == said(fake.phrases)


async def test_what_breaks_the_samples_is_what_is_raised(fake: FakeSpeech) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(SECOND)
        raise UndecodableAudio

    with pytest.raises(UndecodableAudio):
        await heard(talking_to(fake), broken())


async def test_two_recordings_are_heard_beside_each_other(fake: FakeSpeech) -> None:
    fake.phrases = phrases(5)
    speech = talking_to(fake)
    one, two = await asyncio.gather(heard(speech, seconds(15)), heard(speech, seconds(16)))
    assert lines(one) == lines(two) == said(fake.phrases)
    assert (done(one).duration_ms, done(two).duration_ms) == (15_000, 16_000)


@pytest.mark.skipif(sys.platform != "linux", reason="native threads are counted in /proc")
@pytest.mark.parametrize("kind", ["none", "stall", "silent"])
async def test_closing_early_frees_the_threads_while_the_loop_goes_on(
    fake: FakeSpeech, kind: str
) -> None:
    fake.phrases = phrases(60)
    if kind != "none":
        fake.add(Fault(on="stream", kind=kind, seconds=4))
    events = talking_to(fake).transcribe(PRACTICE, seconds(120), SpeechOptions(("en-US",)))
    async for event in events:
        if isinstance(event, SpeechProgress):
            break
    before = native_threads()
    closing = asyncio.create_task(events.aclose())  # type: ignore[arg-type] # a coroutine, in all but its type
    turns = 0
    while not closing.done():
        turns += 1
        await asyncio.sleep(0)
    await closing
    assert turns > 10
    assert native_threads() < before


def native_threads() -> int:
    """Threads of the SDK: those of the process that Python did not start."""
    return len([*Path("/proc/self/task").iterdir()]) - threading.active_count()


async def test_a_task_that_is_cancelled_leaves_no_session_open(fake: FakeSpeech) -> None:
    fake.phrases = phrases(60)
    task = asyncio.create_task(heard(talking_to(fake), seconds(600)))
    await until(lambda: bool(fake.calls))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: fake.calls[0]["closed"] is not None)


@pytest.mark.parametrize(
    ("access", "authorization", "sent"),
    [
        (SpeechAccess(region="westeurope", key="a key"), "", ""),
        (SpeechAccess(endpoint="https://a.cognitiveservices.azure.com", key="a key"), "", ""),
        (SpeechAccess(region="westeurope"), "aad#id#token", "aad#id#token"),
        (SpeechAccess(host="ws://127.0.0.1:9"), "", ""),
    ],
    ids=["region and key", "endpoint and key", "region and token", "host"],
)
def test_every_way_to_be_let_in_is_one_that_the_sdk_takes(
    access: SpeechAccess, authorization: str, sent: str
) -> None:
    assert _config(access, authorization).authorization_token == sent
