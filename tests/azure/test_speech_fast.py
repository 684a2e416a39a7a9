"""Fast Transcription: the real SDK against the fake of its service; and the fall-over to the other engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.azure.speech_fakes import (
    SECOND,
    an_access,
    asking,
    done,
    heard,
    lines,
    names_in,
    phrases,
    progress,
    said,
    seconds,
    until,
    utterances,
)
from tests.builders import PRACTICE
from tests.emulators.fast import FakeFast
from tests.emulators.faults import Fault
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.connection import Patience
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine, SpeechLimits
from therapy.domain.errors import (
    EngineFailed,
    ErrorClass,
    LanguageNotSupported,
    RecordingTooLong,
    UndecodableAudio,
)
from therapy.ports.speech import SpeechOptions

HURRIED = Patience(pauses=(0.0, 0.0, 0.0))


@pytest.fixture
def fake(fake_fast: FakeFast) -> FakeFast:
    return fake_fast


async def test_one_request_carries_the_recording_and_brings_the_transcript(
    fake: FakeFast, tmp_path: Path
) -> None:
    fake.phrases = phrases(6, speakers=3)
    events = await heard(asking(fake, tmp_path), seconds(20), "he", "en")
    assert lines(events) == said(fake.phrases)
    for each in utterances(events):
        assert len(each.words) == len(each.text.split())
        assert each.confidence == each.word_confidence == 0.93
    assert done(events).engine == "azure-fast"
    assert done(events).duration_ms == 20_000
    assert progress(events)[-1] == 20_000
    (call,) = fake.calls
    assert call["content_type"] == "audio/wav"
    assert call["bytes"] == 44 + 20 * SECOND
    assert call["definition"] == {
        "locales": ["he-IL", "en-US"],
        "profanityFilterMode": "None",
        "diarization": {"maxSpeakers": 4},
    }


@pytest.mark.parametrize(("people", "most"), [(0, 4), (1, 2), (2, 2), (3, 3), (6, 6)])
async def test_the_service_is_told_how_many_people_speak(
    fake: FakeFast, tmp_path: Path, people: int, most: int
) -> None:
    await heard(asking(fake, tmp_path), seconds(2), people=people)
    (call,) = fake.calls
    assert call["definition"]["diarization"] == {"maxSpeakers": most}


async def test_the_service_is_told_which_terms_to_expect(fake: FakeFast, tmp_path: Path) -> None:
    hints = ("sertraline", "ד״ר לוי")
    await heard(asking(fake, tmp_path), seconds(2), hints=hints)
    (call,) = fake.calls
    assert call["definition"]["phraseList"] == {"phrases": [*hints]}


async def test_what_is_said_is_in_no_log(
    fake: FakeFast, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.phrases = phrases(2)
    assert len(utterances(await heard(asking(fake, tmp_path), seconds(6)))) == 2
    assert "phrase number" not in caplog.text
    assert str(fake.key) not in caplog.text


class OddFast(FakeFast):
    """Answers with a byte order mark, and has a byte in a word that is no UTF-8."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/speechtotext/transcriptions:transcribe", self._odd)]

    async def _odd(self, request: web.Request) -> web.Response:
        await request.read()
        body = b'\xef\xbb\xbf{"phrases": [{"text": "caf\xe9", "durationMilliseconds": 900}]}'
        return web.Response(body=body, content_type="application/json")


@pytest.mark.emulator
async def test_an_answer_that_is_paid_for_is_read_with_a_byte_order_mark_and_a_damaged_word(
    tmp_path: Path,
) -> None:
    with OddFast() as odd:
        events = await heard(asking(odd, tmp_path, patience=HURRIED), seconds(2))
    assert [each.text for each in utterances(events)] == ["caf\ufffd"]


async def test_the_language_is_the_one_that_was_heard(fake: FakeFast, tmp_path: Path) -> None:
    fake.phrases = [each | {"lang": "en-US"} for each in phrases(2)]
    events = await heard(asking(fake, tmp_path), seconds(10), "he", "en")
    assert done(events).language == "en-US"


async def test_where_nothing_is_heard_there_is_no_utterance(fake: FakeFast, tmp_path: Path) -> None:
    fake.phrases = []
    events = await heard(asking(fake, tmp_path), seconds(3))
    assert not utterances(events)
    assert (done(events).language, done(events).duration_ms) == ("", 3_000)


async def test_a_stream_without_samples_asks_nobody(fake: FakeFast, tmp_path: Path) -> None:
    events = await heard(asking(fake, tmp_path), seconds(0))
    assert events == [done(events)]
    assert not fake.calls


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_refusal_is_given_up_at_once(fake: FakeFast, tmp_path: Path, status: int) -> None:
    fake.add(Fault(on="transcribe", status=status, message="quoting what was said", times=1))
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(fake, tmp_path, patience=HURRIED), seconds(2))
    assert failed.value.error_class is ErrorClass.PERMANENT
    assert failed.value.details["reason"] == status
    assert "quoting" not in repr(failed.value)
    assert failed.value.__suppress_context__


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "0"}, times=3),
        Fault(status=429, times=1),
        Fault(status=503, times=3),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status} x {fault.times}",
)
async def test_what_the_service_did_not_take_is_sent_again_whole(
    fake: FakeFast, tmp_path: Path, fault: Fault
) -> None:
    fake.phrases = phrases(2)
    fake.add(replace(fault, on="transcribe"))
    events = await heard(asking(fake, tmp_path, patience=HURRIED), seconds(10))
    assert lines(events) == said(fake.phrases)
    assert all(call["bytes"] for call in fake.calls)
    assert len({call["sha256"] for call in fake.calls}) == 1


async def test_too_many_refusals_are_for_later(fake: FakeFast, tmp_path: Path) -> None:
    fake.add(Fault(on="transcribe", status=503, times=None))
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(fake, tmp_path, patience=HURRIED), seconds(2))
    assert failed.value.error_class is ErrorClass.TRANSIENT


async def test_a_long_pause_that_the_service_asks_for_is_left_to_the_run(
    fake: FakeFast, tmp_path: Path
) -> None:
    fake.add(Fault(on="transcribe", status=429, headers={"Retry-After": "3600"}, times=1))
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(fake, tmp_path), seconds(2))
    assert failed.value.error_class is ErrorClass.TRANSIENT
    assert not fake.calls


@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_that_is_no_gzip_although_it_says_so_is_for_later(
    fake: FakeFast, tmp_path: Path, status: int
) -> None:
    broken = {"Content-Encoding": "gzip"}
    fake.add(Fault(on="transcribe", status=status, headers=broken, times=None))
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(fake, tmp_path, patience=HURRIED), seconds(2))
    assert failed.value.error_class is ErrorClass.TRANSIENT


async def test_an_answer_that_never_comes_is_tried_again_later(
    fake: FakeFast, tmp_path: Path
) -> None:
    fake.add(Fault(on="transcribe", kind="stall", times=None))
    patience = Patience(least=0.3, share=0.0, pauses=())
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(fake, tmp_path, patience=patience), seconds(2))
    assert failed.value.error_class is ErrorClass.TRANSIENT


@pytest.mark.emulator
async def test_no_connection_is_tried_again_later(tmp_path: Path) -> None:
    with FakeFast() as gone:
        pass
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(gone, tmp_path, patience=HURRIED), seconds(2))
    assert failed.value.error_class is ErrorClass.TRANSIENT


async def test_wrong_offsets_stay_within_the_recording(fake: FakeFast, tmp_path: Path) -> None:
    fake.phrases = [each | {"at": 90_000_000 - each["at"]} for each in phrases(3)]
    events = await heard(asking(fake, tmp_path), seconds(10))
    found = utterances(events)
    assert len(found) == 3
    assert all(each.start_ms <= 10_002 for each in found)  # a start names its line: +1 ms each


async def test_a_language_that_nobody_recognises_is_refused_before_anything_is_read(
    fake: FakeFast, tmp_path: Path
) -> None:
    with pytest.raises(LanguageNotSupported):
        await heard(asking(fake, tmp_path), seconds(5), "tlh")
    assert not fake.calls


async def test_closing_early_ends_the_request_and_leaves_no_file(
    fake: FakeFast, tmp_path: Path
) -> None:
    fake.add(Fault(on="transcribe", kind="stall"))
    task = asyncio.create_task(heard(asking(fake, tmp_path), seconds(5)))
    await until(lambda: not fake.faults.as_json())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not names_in(tmp_path)


async def test_what_breaks_the_samples_is_what_is_raised(fake: FakeFast, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(SECOND)
        raise UndecodableAudio

    with pytest.raises(UndecodableAudio):
        await heard(asking(fake, tmp_path), broken())
    assert not fake.calls
    assert not names_in(tmp_path)


async def test_a_recording_that_is_no_more_than_the_limit_stays_with_the_chosen_engine(
    fake: FakeFast, tmp_path: Path
) -> None:
    limits = SpeechLimits(fast_ms=10_000)
    events = await heard(asking(fake, tmp_path, engine=Engine.AUTO, limits=limits), seconds(10))
    assert done(events).engine == "azure-fast"


@pytest.mark.slow
@pytest.mark.parametrize("limits", [SpeechLimits(fast_ms=10_000), SpeechLimits(fast_bytes=20_000)])
async def test_a_recording_that_turns_out_too_long_is_heard_whole_by_the_other_engine(
    fake: FakeFast, fake_speech: FakeSpeech, tmp_path: Path, limits: SpeechLimits
) -> None:
    fake_speech.phrases = phrases(10)
    speech = AzureSpeech(an_access(fake_speech, fake), directory=tmp_path, limits=limits)
    pulled = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal pulled
        async for chunk in seconds(30, noise=True):
            pulled += len(chunk)
            yield chunk

    events = await heard(speech, counted())
    assert lines(events) == said(fake_speech.phrases)
    assert done(events).engine == "azure-conversation"
    assert done(events).duration_ms == 30_000
    assert pulled == 30 * SECOND
    assert not fake.calls
    assert not names_in(tmp_path)


async def test_a_recording_too_long_for_the_only_engine_allowed_is_refused(
    fake: FakeFast, tmp_path: Path
) -> None:
    limits = SpeechLimits(fast_ms=3_000)
    with pytest.raises(RecordingTooLong) as failed:
        await heard(asking(fake, tmp_path, limits=limits), seconds(10))
    assert failed.value.details == {"longest": 3}
    assert not fake.calls


@pytest.mark.parametrize("script", [[], phrases(4)], ids=["nobody speaks", "one language"])
async def test_among_several_languages_one_is_chosen_for_all_and_that_is_said(
    fake: FakeFast, tmp_path: Path, script: list[dict[str, object]]
) -> None:
    fake.phrases = script
    events = await heard(asking(fake, tmp_path), seconds(15), "he-IL", "en-US")
    assert lines(events) == said(script)
    assert done(events).remarks == (("one_language",) if script else ())
    assert done(events).language == ("he-IL" if script else "")
    assert done(events).duration_ms == 15_000


async def test_what_was_heard_as_the_wrong_language_and_is_unsure_is_a_guess(
    fake: FakeFast, tmp_path: Path
) -> None:
    spoken = ("he-IL",) * 4 + ("en-US",)
    fake.phrases = [each | {"lang": lang} for each, lang in zip(phrases(5), spoken, strict=True)]
    events = await heard(asking(fake, tmp_path), seconds(20), "he-IL", "en-US")
    assert [each.flags for each in utterances(events)] == [(), (), (), (), ("guess",)]
    one_language = await heard(asking(fake, tmp_path), seconds(20), "he-IL")
    assert not [each for each in utterances(one_language) if each.flags]


async def test_several_languages_are_a_failure_with_a_reason_where_no_other_engine_is_allowed(
    fake: FakeFast, tmp_path: Path
) -> None:
    fake.phrases = [
        each | {"lang": lang} for each, lang in zip(phrases(2), ("he-IL", "en-US"), strict=True)
    ]
    with pytest.raises(EngineFailed) as failed:
        await heard(asking(fake, tmp_path), seconds(15), "he-IL", "en-US")
    assert failed.value.code == "several_languages"
    assert failed.value.error_class is ErrorClass.PERMANENT


async def test_samples_are_read_no_further_than_somebody_listens(
    fake: FakeFast, tmp_path: Path
) -> None:
    pulled = 0

    async def an_hour() -> AsyncIterator[bytes]:
        nonlocal pulled
        async for chunk in seconds(3_600):
            pulled += len(chunk)
            yield chunk

    speech = asking(fake, tmp_path, engine=Engine.AUTO)
    events = speech.transcribe(PRACTICE, an_hour(), SpeechOptions(("he-IL",)))
    async for event in events:
        assert event
        break
    await events.aclose()
    assert pulled == SECOND
