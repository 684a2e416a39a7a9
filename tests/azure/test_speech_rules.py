"""Azure Speech without a network: which engine, which languages, which errors, what an answer means."""

from __future__ import annotations

import asyncio
import json
import resource
import wave
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.azure.speech_fakes import names_in, seconds
from therapy.adapters.azure.engine_errors import FAILURES, again, failed
from therapy.adapters.azure.speech.audio_buffer_file import AudioBufferFile
from therapy.adapters.azure.speech.connection import SpeechAccess
from therapy.adapters.azure.speech.engine import Engine, SpeechLimits, choose_engine
from therapy.adapters.azure.speech.errors import CANCELLATIONS, canceled
from therapy.adapters.azure.speech.locales import FAST_LOCALES, LOCALES, MAIN_LOCALES, candidates
from therapy.adapters.azure.speech.recognised_phrases import (
    FastPhrase,
    FastWord,
    Final,
    Queue,
    from_conversation,
    from_fast,
    most_spoken,
    voice_of,
)
from therapy.domain.errors import EngineFailed, ErrorClass, LanguageNotSupported, WorkFailed
from therapy.domain.transcript import Utterance, Word

MINUTE = 60_000
HEBREW = ("he-IL", "en-US")
TICKS = 10_000


@pytest.mark.parametrize(
    ("setting", "locales", "minutes", "megabytes", "chosen"),
    [
        ("auto", HEBREW, 0, 0, "fast"),
        ("auto", HEBREW, 50, 50, "fast"),
        ("auto", HEBREW, 115, 240, "fast"),
        ("auto", HEBREW, 116, 50, "conversation"),
        ("auto", HEBREW, 50, 241, "conversation"),
        ("auto", ("el-GR",), 50, 50, "conversation"),
        ("auto", ("en-US", "el-GR"), 50, 50, "conversation"),
        ("fast", HEBREW, 115, 240, "fast"),
        ("fast", ("el-GR",), 50, 50, "fast"),
        ("conversation", HEBREW, 1, 1, "conversation"),
        ("conversation", HEBREW, 600, 600, "conversation"),
    ],
)
def test_the_engine_follows_from_setting_languages_length_and_size(
    setting: str, locales: tuple[str, ...], minutes: int, megabytes: int, chosen: str
) -> None:
    found = choose_engine(
        Engine(setting), locales, duration_ms=minutes * MINUTE, size=megabytes * 1_000_000
    )
    assert found is Engine(chosen)


@pytest.mark.parametrize(("minutes", "megabytes"), [(116, 1), (1, 241)])
def test_a_recording_too_long_for_the_only_engine_allowed_is_refused_for_good(
    minutes: int, megabytes: int
) -> None:
    with pytest.raises(WorkFailed) as refused:
        choose_engine(Engine.FAST, HEBREW, duration_ms=minutes * MINUTE, size=megabytes * 1_000_000)
    assert refused.value.error_class is ErrorClass.PERMANENT


def test_the_limits_stay_below_what_the_request_takes() -> None:
    limits = SpeechLimits()
    assert limits.fast_ms < 120 * MINUTE
    assert limits.fast_bytes < 250_000_000
    assert limits.conversation_ms <= 240 * MINUTE


@pytest.mark.parametrize(
    ("tags", "sent"),
    [
        (("he-IL", "en-US"), ("he-IL", "en-US")),
        (("he", "en"), ("he-IL", "en-US")),
        (("HE_il",), ("he-IL",)),
        (("iw",), ("he-IL",)),
        (("en-XX",), ("en-US",)),
        (("ru",), ("ru-RU",)),
        (("en-GB", "en-US", "he-IL"), ("en-GB", "he-IL")),
        (("tlh", "en-US"), ("en-US",)),
        (("he", "en", "ru", "ar", "fr"), ("he-IL", "en-US", "ru-RU", "ar-EG")),
    ],
)
def test_languages_become_one_locale_each_and_at_most_four(
    tags: tuple[str, ...], sent: tuple[str, ...]
) -> None:
    assert candidates(tags) == sent


@pytest.mark.parametrize("tags", [("tlh",), (), ("",), ("x",)])
def test_no_language_that_can_be_recognised_is_an_error(tags: tuple[str, ...]) -> None:
    with pytest.raises(LanguageNotSupported):
        candidates(tags)


def test_every_main_locale_is_one_that_is_recognised() -> None:
    assert set(MAIN_LOCALES.values()) <= LOCALES
    assert FAST_LOCALES < LOCALES


def test_every_cancellation_code_of_the_sdk_has_its_class() -> None:
    sdk = pytest.importorskip("azure.cognitiveservices.speech")
    assert {code.name for code in sdk.CancellationErrorCode} <= set(CANCELLATIONS)


def test_every_exception_of_azure_core_has_its_class() -> None:
    core = pytest.importorskip("azure.core.exceptions")
    theirs = {
        each
        for each in vars(core).values()
        if isinstance(each, type) and issubclass(each, core.AzureError)
    }
    assert theirs <= set(FAILURES)


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        ("AuthenticationFailure", ErrorClass.PERMANENT),
        ("BadRequest", ErrorClass.PERMANENT),
        ("Forbidden", ErrorClass.PERMANENT),
        ("TooManyRequests", ErrorClass.TRANSIENT),
        ("ServiceUnavailable", ErrorClass.TRANSIENT),
        ("ServiceTimeout", ErrorClass.TRANSIENT),
        ("ConnectionFailure", ErrorClass.TRANSIENT),
        ("OneOfTheFuture", ErrorClass.TRANSIENT),
    ],
)
def test_a_canceled_session_is_tried_again_or_given_up(code: str, error_class: ErrorClass) -> None:
    assert canceled(code).error_class is error_class


@pytest.mark.parametrize(
    ("tried_again", "status"),
    [
        *((False, status) for status in (400, 401, 403, 404, 413, 422)),
        *((True, status) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_a_status_is_tried_again_or_given_up(tried_again: bool, status: int) -> None:
    core = pytest.importorskip("azure.core.exceptions")
    exc = core.HttpResponseError("what somebody said, quoted")
    exc.status_code = status
    assert again(exc) is tried_again
    assert str(failed(exc)) == f"engine_failed reason={status}"


def test_a_key_is_in_no_repr() -> None:
    assert "abracadabra" not in repr(SpeechAccess(region="westeurope", key="abracadabra"))


@pytest.mark.parametrize(
    ("label", "voice"),
    [
        ("Guest-1", "1"),
        ("Guest-12", "12"),
        ("Unknown", ""),
        ("", ""),
        (None, ""),
        (0, "0"),
        (3, "3"),
    ],
)
def test_voices_are_named_alike(label: str | int | None, voice: str) -> None:
    assert voice_of(label) == voice


def a_final(at: int, text: str = "Yes.", *, body: str = "", voice: str = "Guest-1") -> Final:
    return Final(at * TICKS, 1_000 * TICKS, text, voice, "", body)


def test_words_of_a_later_turn_are_moved_to_the_recordings_time() -> None:
    body = {
        "Offset": 500 * TICKS,
        "Duration": 1_000 * TICKS,
        "NBest": [
            {
                "Confidence": 0.71,
                "Words": [{"Word": "yes", "Offset": 600 * TICKS, "Duration": 400 * TICKS}],
            }
        ],
        "PrimaryLanguage": {"Language": "he-IL", "Confidence": "High"},
    }
    utterance, language = from_conversation(a_final(30_500, body=json.dumps(body)), 60_000)
    assert utterance.words == (Word("yes", 30_600, 31_000, 0.71),)
    assert (utterance.start_ms, utterance.end_ms, utterance.voice) == (30_500, 31_500, "1")
    assert utterance.confidence == 0.71
    assert language == "he-IL"


@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"Offset": "soon"}', '{"NBest": 3}'])
def test_a_body_that_can_not_be_read_costs_the_words_only(body: str) -> None:
    utterance, _ = from_conversation(a_final(500, body=body), 60_000)
    assert utterance == Utterance(start_ms=500, end_ms=1_500, text="Yes.", voice="1")


@pytest.mark.parametrize("at", [-90_000, 90_000_000])
def test_offsets_outside_the_recording_are_moved_to_its_edge(at: int) -> None:
    utterance, _ = from_conversation(a_final(at), 10_000)
    assert 0 <= utterance.start_ms <= utterance.end_ms <= 10_000
    fast = from_fast(
        FastPhrase("Yes.", at, 1_000, speaker=2, words=(FastWord("Yes.", at, 500),)), 10_000
    )
    assert 0 <= fast.start_ms <= fast.end_ms <= 10_000
    assert fast.words[0].end_ms <= 10_000


def test_utterances_nearly_in_order_come_out_in_order() -> None:
    starts = [0, 4_000, 2_000, 50_000, 45_000, 90_000, 1_000, 95_000]
    queue = Queue()
    out = [each for start in starts for each in queue.put(Utterance(start, start + 10, str(start)))]
    out += queue.rest()
    assert sorted(each.text for each in out) == sorted(str(start) for start in starts)
    assert all(one.start_ms <= two.start_ms for one, two in pairwise(out))
    assert [each.text for each in out if each.start_ms != int(each.text)] == ["1000"]


def test_the_language_is_the_one_of_most_of_the_time() -> None:
    spoken = [("en-US", 900), ("he-IL", 1_000), ("Unknown", 200), ("", 300)]
    assert most_spoken(spoken, HEBREW) == "he-IL"
    assert most_spoken([], HEBREW) == ""


async def test_a_buffer_gives_back_what_was_written_and_has_no_name(tmp_path: Path) -> None:
    written = bytes(range(256)) * 400
    async with AudioBufferFile(tmp_path) as buffer:
        await buffer.write(written)
        await buffer.write(written)
        await buffer.finish()
        assert buffer.duration_ms == 2 * len(written) // 32
        assert b"".join([chunk async for chunk in buffer.pcm()]) == written * 2
        with buffer.reader() as one, buffer.reader() as two:
            with wave.open(one) as file:
                assert file.getparams()[:3] == (1, 2, 16_000)
                assert file.readframes(file.getnframes()) == written * 2
            assert not one.closed
            assert len(two.read()) == 0  # they read from one place
            assert two.seek(0) == 0
            assert not buffer.read_to_the_end
            assert len(two.read()) == buffer.size
            assert buffer.read_to_the_end
        assert not names_in(tmp_path)
    async with AudioBufferFile(tmp_path) as buffer:
        async for chunk in seconds(1):
            await buffer.write(chunk)
    assert not names_in(tmp_path)


class CountingThreads(ThreadPoolExecutor):
    calls = 0

    def submit(self, *given: Any, **named: Any) -> Any:
        self.calls += 1
        return super().submit(*given, **named)


async def test_a_buffer_writes_in_few_calls_of_a_thread_and_keeps_the_order(
    tmp_path: Path,
) -> None:
    threads = CountingThreads(4)
    asyncio.get_running_loop().set_default_executor(threads)
    written = [bytes([number, 0]) * 65_536 for number in range(64)]
    async with AudioBufferFile(tmp_path) as buffer:
        for chunk in written:
            await buffer.write(chunk)
        await buffer.finish()
        assert threads.calls <= len(written) // 4
        assert b"".join([chunk async for chunk in buffer.pcm()]) == b"".join(written)


async def test_a_buffer_that_is_left_while_it_writes_waits_for_that(tmp_path: Path) -> None:
    async with AudioBufferFile(tmp_path) as buffer:
        writing = asyncio.create_task(buffer.write(bytes(64 << 20)))
        await asyncio.sleep(0)
        writing.cancel()
    assert not names_in(tmp_path)


async def test_a_full_disk_is_no_fault_of_the_recording(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with AudioBufferFile(tmp_path) as buffer:
        await buffer.write(bytes(2 << 20))
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, before[1]))
        try:
            with pytest.raises(EngineFailed) as failed:
                await buffer.write(bytes(2 << 20))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert failed.value.error_class is ErrorClass.TRANSIENT
