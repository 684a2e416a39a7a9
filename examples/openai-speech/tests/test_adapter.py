"""What is the adapter's own: its settings, what it sends, what it makes of answers and of failures."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from tests.local_server import LocalServer

from openai_speech import OpenAiSpeech, open_speech, server_of
from openai_speech.upload import BYTES_PER_MS, UNKNOWN_SIZE, quietest
from therapy.config import SettingsError
from therapy.domain.errors import EngineFailed, ErrorClass, LanguageNotSupported, UndecodableAudio
from therapy.domain.transcript import Utterance
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechOptions, SpeechProgress

SECOND = 1_000 * BYTES_PER_MS
TONE = b"\x10\x20" * (SECOND // 2)
SAID = {
    "language": "english",
    "segments": [
        {"text": " Good morning. ", "start": 0.2, "end": 0.9, "speaker": "A"},
        {"text": "How are you?", "start": 1.0, "end": 1.5, "speaker": "A"},
        {"text": "Fine.", "start": 2.0, "end": 2.5, "speaker": "B"},
    ],
    "words": [
        {"word": "Good", "start": 0.2, "end": 0.4},
        {"word": "morning", "start": 0.4, "end": 0.95},
        {"word": "How", "start": 1.0, "end": 1.2},
        {"word": "Fine", "start": 2.0, "end": 2.5},
    ],
}


async def seconds(number: int, pcm: bytes = TONE) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield pcm


async def heard(
    speech: OpenAiSpeech, number: int = 3, *languages: str, pcm: bytes = TONE
) -> list[SpeechEvent]:
    options = SpeechOptions(languages or ("en-US",))
    return [each async for each in speech.transcribe("-", seconds(number, pcm), options)]


def said(events: list[SpeechEvent]) -> list[Utterance]:
    return [each for each in events if isinstance(each, Utterance)]


def settings(**more: str) -> dict[str, str]:
    return {"OPENAI_SPEECH_URL": "http://127.0.0.1:1/v1"} | {
        f"OPENAI_SPEECH_{name}": text for name, text in more.items()
    }


# --- what is sent ----------------------------------------------------------------------------


async def test_the_recording_goes_out_as_a_wav_with_model_and_key(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    server.answer = SAID
    await heard(speech)
    (asked,) = server.asked
    assert asked.path == "/v1/audio/transcriptions"
    assert asked.headers["authorization"] == "Bearer a key to try with"
    assert asked.fields == {
        "model": ["whisper-1"],
        "response_format": ["verbose_json"],
        "timestamp_granularities[]": ["word", "segment"],
        "language": ["en"],
    }
    assert asked.file[:4] + asked.file[8:12] == b"RIFFWAVE"
    assert asked.file[4:8] == asked.file[40:44] == UNKNOWN_SIZE
    assert asked.file[44:] == TONE * 3


@pytest.mark.parametrize(
    ("tags", "sent"),
    [(("he-IL", "en-US"), None), (("iw",), ["he"]), (("tlh", "nb-NO"), ["no"])],
    ids=["two", "another name", "one that is done"],
)
async def test_one_language_is_told_and_of_several_the_server_chooses(
    speech: OpenAiSpeech, server: LocalServer, tags: tuple[str, ...], sent: list[str] | None
) -> None:
    server.answer = SAID
    await heard(speech, 1, *tags)
    assert server.asked[0].fields.get("language") == sent


async def test_a_language_that_is_not_done_is_refused_before_anything_is_sent(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    with pytest.raises(LanguageNotSupported):
        await heard(speech, 1, "tlh")
    assert server.asked == []


async def test_no_samples_are_not_sent(speech: OpenAiSpeech, server: LocalServer) -> None:
    assert await heard(speech, 0) == [SpeechDone("whisper-1", "", 0)]
    assert server.asked == []


async def test_a_model_that_tells_voices_apart_is_asked_for_them(server: LocalServer) -> None:
    server.answer = SAID
    names = {"OPENAI_SPEECH_URL": server.url, "OPENAI_SPEECH_MODEL": "gpt-4o-transcribe-diarize"}
    async with open_speech(names) as speech:
        await heard(speech)
    fields = server.asked[0].fields
    assert fields["response_format"] == ["diarized_json"]
    assert fields["chunking_strategy"] == ["auto"]
    assert "timestamp_granularities[]" not in fields
    assert "authorization" not in server.asked[0].headers


async def test_a_long_recording_goes_out_in_pieces_that_fit(server: LocalServer) -> None:
    server.answer = SAID
    names = {"OPENAI_SPEECH_URL": server.url, "OPENAI_SPEECH_MAX_BYTES": "1000000"}
    async with open_speech(names) as speech:
        events = await heard(speech, 70)
    files = [asked.file[44:] for asked in server.asked]
    assert b"".join(files) == TONE * 70
    assert len(files) == 3
    assert all(len(file) <= 1_000_000 for file in files)
    starts = list(itertools.accumulate(len(file) // BYTES_PER_MS for file in files))
    offsets = [0, *starts[:-1]]
    assert [each.start_ms for each in said(events)] == [
        begin + at for begin in offsets for at in (200, 2_000)
    ]
    assert [each.voice for each in said(events)] == ["A", "B", "2-A", "2-B", "3-A", "3-B"]
    assert events[-1] == SpeechDone("whisper-1", "en-US", 70_000)
    assert [each.processed_ms for each in events if isinstance(each, SpeechProgress)][-1] == 70_000


def test_a_piece_ends_where_it_is_quietest() -> None:
    assert quietest(TONE + bytes(SECOND) + TONE) == 2 * SECOND
    assert quietest(bytes(SECOND)) == SECOND


# --- what comes back -------------------------------------------------------------------------


async def test_segments_of_one_voice_are_joined_with_their_words(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    server.answer = SAID
    first, second = said(await heard(speech))
    assert (first.text, first.voice) == ("Good morning. How are you?", "A")
    assert (first.start_ms, first.end_ms) == (200, 1_500)
    assert [word.text for word in first.words] == ["Good", "morning", "How"]
    assert (second.text, second.voice, second.start_ms) == ("Fine.", "B", 2_000)


async def test_without_voices_each_segment_stays_by_itself(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    bare = [{"text": "One.", "start": 0, "end": 1}, {"text": "Two.", "start": 1, "end": 2}]
    server.answer = {"segments": bare}
    assert [(each.text, each.voice) for each in said(await heard(speech))] == [
        ("One.", ""),
        ("Two.", ""),
    ]


async def test_words_with_voices_of_their_own_part_a_segment(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    words = [
        {"word": "Well?", "start": 0, "end": 0.5, "speaker": 0, "probability": 0.9},
        {"word": "Yes.", "start": 0.6, "end": 1, "speaker": 1},
    ]
    server.answer = {"segments": [{"text": "Well? Yes.", "start": 0, "end": 1, "words": words}]}
    first, second = said(await heard(speech))
    assert [(each.text, each.voice) for each in (first, second)] == [("Well?", "0"), ("Yes.", "1")]
    assert first.words[0].confidence == 0.9


async def test_an_answer_of_text_alone_is_one_utterance(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    server.answer = {"text": "Good morning."}
    (one,) = said(await heard(speech))
    assert (one.text, one.start_ms, one.end_ms) == ("Good morning.", 0, 3_000)


async def test_what_is_made_up_in_silence_is_left_out(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    made_up = {"text": "Thanks.", "start": 0, "end": 1, "no_speech_prob": 0.9, "avg_logprob": -1.4}
    server.answer = {"language": "english", "segments": [made_up], "text": "Thanks."}
    events = await heard(speech)
    assert said(events) == []
    assert events[-1] == SpeechDone("whisper-1", "", 3_000)


async def test_times_beyond_the_recording_end_with_it(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    server.answer = {"segments": [{"text": "Hm.", "start": -1, "end": 99}]}
    (one,) = said(await heard(speech, 1))
    assert (one.start_ms, one.end_ms) == (0, 1_000)


@pytest.mark.parametrize(
    ("told", "tags", "language"),
    [
        ("english", ("he-IL", "en-US"), "en-US"),
        ("hebrew", ("he-IL", "en-US"), "he-IL"),
        ("he", ("iw-IL", "en-US"), "iw-IL"),
        ("german", ("he-IL", "en-US"), "de"),
        (None, ("he-IL", "en-US"), "he-IL"),
    ],
)
async def test_the_language_is_the_tag_that_asked_for_it(
    speech: OpenAiSpeech,
    server: LocalServer,
    told: str | None,
    tags: tuple[str, ...],
    language: str,
) -> None:
    server.answer = SAID | {"language": told}
    done = (await heard(speech, 3, *tags))[-1]
    assert isinstance(done, SpeechDone)
    assert done.language == language


# --- what goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, ErrorClass.TRANSIENT) for status in (408, 429, 500, 502, 503, 504)),
        *((status, ErrorClass.PERMANENT) for status in (302, 400, 401, 403, 404, 413, 415)),
    ],
)
@pytest.mark.parametrize("early", [False, True], ids=["at the end", "at once"])
async def test_a_status_says_whether_to_try_again(
    speech: OpenAiSpeech, server: LocalServer, status: int, kind: ErrorClass, early: bool
) -> None:
    server.status, server.early, server.answer = status, early, {"error": {"message": "Hello."}}
    with pytest.raises(EngineFailed) as failed:
        await heard(speech, 1)
    assert failed.value.error_class is kind
    assert failed.value.details["status"] == status
    assert "Hello" not in str(failed.value)


@pytest.mark.parametrize("answer", [b"", b"{", b"<html>", b"[1]", b"\xff", {"segments": "no"}])
async def test_an_answer_that_is_none_may_be_better_next_time(
    speech: OpenAiSpeech, server: LocalServer, answer: Any
) -> None:
    server.answer = answer
    with pytest.raises(EngineFailed, match="malformed") as failed:
        await heard(speech, 1)
    assert failed.value.error_class is ErrorClass.TRANSIENT
    assert failed.value.__cause__ is None


async def test_a_server_that_is_not_there_may_be_there_later() -> None:
    async with open_speech(settings()) as speech:
        with pytest.raises(EngineFailed, match="ConnectError") as failed:
            await heard(speech, 1)
    assert failed.value.error_class is ErrorClass.TRANSIENT


async def test_a_server_that_never_answers_is_given_up(server: LocalServer) -> None:
    server.stop_after = 0
    names = {"OPENAI_SPEECH_URL": server.url, "OPENAI_SPEECH_TIMEOUT_SECONDS": "1"}
    async with open_speech(names) as speech:
        with pytest.raises(EngineFailed, match="ReadTimeout"):
            await heard(speech, 1)


async def test_what_broke_the_samples_is_raised_as_it_was(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield TONE
        raise UndecodableAudio

    with pytest.raises(UndecodableAudio):
        [each async for each in speech.transcribe("-", broken(), SpeechOptions())]


async def test_who_stops_listening_ends_the_request_and_a_slow_server_the_reading(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    server.stop_after = SECOND
    pulled = 0

    async def two_hours() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(7_200):
            pulled += 1
            yield TONE

    events = speech.transcribe("-", two_hours(), SpeechOptions())
    async for event in events:
        assert isinstance(event, SpeechProgress)
        if event.processed_ms >= 1_000:
            break
    await asyncio.sleep(0.2)
    assert pulled < 1_000  # what fits between two programs on one machine, and no more
    server.gone.set()
    await events.aclose()


async def test_a_request_that_is_ended_leaves_nothing_running(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    before = asyncio.all_tasks()
    server.stop_after = SECOND
    events = speech.transcribe("-", seconds(60), SpeechOptions())
    await anext(events)
    await events.aclose()
    server.gone.set()
    left = asyncio.all_tasks() - before
    assert [each for each in left if "_ask" in repr(each)] == []


# --- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "OPENAI_SPEECH_URL is missing"),
        (settings(URL="api.example"), "OPENAI_SPEECH_URL is missing or no address"),
        (
            settings(MAX_BYTES="1"),
            "OPENAI_SPEECH_MAX_BYTES must be a whole number, 1000000 or more",
        ),
        (settings(TIMEOUT_SECONDS="soon"), "OPENAI_SPEECH_TIMEOUT_SECONDS must be"),
        (settings(FORMAT="srt"), "OPENAI_SPEECH_FORMAT must be"),
        (settings(MODLE="x"), "OPENAI_SPEECH_MODLE is no setting"),
    ],
)
def test_a_setting_that_is_wrong_is_named(environment: Mapping[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        server_of(environment)


def test_no_key_is_in_a_picture_of_the_settings() -> None:
    assert "sk-secret" not in repr(server_of(settings(KEY="sk-secret")))


@pytest.mark.parametrize("status", [200, 404])
async def test_the_check_asks_for_the_models(
    speech: OpenAiSpeech, server: LocalServer, status: int
) -> None:
    server.answer, server.status = {"data": []}, status
    await speech.check()
    assert server.asked[0].path == "/v1/models"


async def test_the_check_says_that_the_key_is_refused(
    speech: OpenAiSpeech, server: LocalServer
) -> None:
    server.answer, server.status = {}, 401
    with pytest.raises(EngineFailed, match="status=401"):
        await speech.check()
