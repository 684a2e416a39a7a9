"""The fake Speech service against the native SDK's ConversationTranscriber: what is heard, each fault."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from typing import Any

import pytest

pytest.importorskip("azure.cognitiveservices.speech")

import azure.cognitiveservices.speech as sdk
from aiohttp.test_utils import make_mocked_request

from tests.emulators.faults import Fault
from tests.emulators.speech import FakeSpeech
from tests.emulators.talk import misheard

pytestmark = pytest.mark.emulator
TRANSCRIBER = sdk.transcription.ConversationTranscriber
# Undocumented, and the only way to hear a minute in less than half of one.
QUICK = {
    "SPEECH-AudioThrottleAsPercentageOfRealTime": "2000",
    "SPEECH-AudioThrottleLowAsPercentageOfRealTime": "2000",
    "SPEECH-TransmitLengthBeforeThrottleMs": "600000",
    "SPEECH-MaxBufferSizeMs": "4000000",
}


@dataclasses.dataclass
class Heard:
    """What the SDK told us: (speaker, text, milliseconds) of each final, and how it ended."""

    finals: list[tuple[str, str, int]] = dataclasses.field(default_factory=list)
    json: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    languages: list[str] = dataclasses.field(default_factory=list)
    unmatched: int = 0
    ended: str = ""


def _hear(
    fake: FakeSpeech,
    seconds: float,
    *,
    key: str = "",
    among: list[str] | None = None,
    patience: float = 20,
    close: bool = True,
    language: str = "en-US",
    mode: str = "AtStart",
    **properties: str,
) -> Heard:
    """Play so many seconds of silence to a transcriber and wait for its end."""
    config = sdk.SpeechConfig(host=fake.host, subscription=key or fake.key)
    config.speech_recognition_language = language
    config.output_format = sdk.OutputFormat.Detailed
    config.request_word_level_timestamps()
    if mode != "AtStart":
        config.set_property(sdk.PropertyId.SpeechServiceConnection_LanguageIdMode, mode)
    for name, value in (QUICK | properties).items():
        config.set_property_by_name(name, value)
    stream = sdk.audio.PushAudioInputStream(
        sdk.audio.AudioStreamFormat(samples_per_second=16_000, bits_per_sample=16, channels=1)
    )
    audio = sdk.audio.AudioConfig(stream=stream)
    detect = sdk.languageconfig.AutoDetectSourceLanguageConfig(languages=among) if among else None
    chosen = {"auto_detect_source_language_config": detect} if detect else {}
    transcriber = TRANSCRIBER(speech_config=config, audio_config=audio, **chosen)
    heard, over = Heard(), threading.Event()

    def final(event: Any) -> None:
        result = event.result
        if result.reason == sdk.ResultReason.NoMatch:
            heard.unmatched += 1
            return
        heard.finals.append((result.speaker_id, result.text, result.offset // 10_000))
        heard.json.append(json.loads(result.json))
        name = sdk.PropertyId.SpeechServiceConnection_AutoDetectSourceLanguageResult
        heard.languages.append(result.properties.get(name, ""))

    def canceled(event: Any) -> None:
        details = event.cancellation_details
        over_by_itself = details.reason == sdk.CancellationReason.EndOfStream
        heard.ended = heard.ended or ("end" if over_by_itself else details.code.name)
        over.set()

    transcriber.transcribed.connect(final)
    transcriber.canceled.connect(canceled)
    transcriber.session_stopped.connect(lambda _: over.set())
    transcriber.start_transcribing_async().get()
    stream.write(bytes(int(32_000 * seconds)))
    if close:  # after a failure the SDK holds a closed stream's session for ten seconds more
        stream.close()
    if not over.wait(patience):
        heard.ended = "nothing"
    transcriber.stop_transcribing_async().get()
    for signal in (transcriber.transcribed, transcriber.canceled, transcriber.session_stopped):
        signal.disconnect_all()
    return heard


async def hear(fake: FakeSpeech, seconds: float, **more: Any) -> Heard:
    return await asyncio.to_thread(_hear, fake, seconds, **more)


async def test_a_talk_is_heard_with_speakers_words_and_times(fake_speech: FakeSpeech) -> None:
    heard = await hear(fake_speech, 20)
    assert heard.ended == "end"
    assert [(speaker, at) for speaker, _, at in heard.finals] == [
        *(("Guest-1", 0), ("Guest-2", 5000), ("Guest-1", 10_000), ("Guest-2", 15_000))
    ]
    words = heard.json[1]["NBest"][0]["Words"]
    assert (words[0]["Word"], words[0]["Offset"]) == ("i", 50_000_000)
    seen = fake_speech.seen()
    assert (seen["upgrades"], seen["audio_bytes"], seen["finals"]) == (1, 20 * 32_000, 4)
    assert seen["connections"][0]["query"]["language"] == "en-US"


async def test_a_third_speaker_another_language_and_silence(fake_speech: FakeSpeech) -> None:
    fake_speech.phrases = [
        {"at": 500, "dur": 1000, "speaker": "Guest-3", "text": "שלום.", "lang": "he-IL"},
        {"at": 2000, "dur": 1000, "text": "", "status": "NoMatch"},
        {"at": 4000, "dur": 1000, "speaker": None, "text": "Who?", "lang": "en-US", "hyp": ["who"]},
    ]
    heard = await hear(fake_speech, 40, among=["en-US", "he-IL"])
    assert heard.finals == [("Guest-3", "שלום.", 500), ("", misheard("Who?"), 4000)]
    assert heard.languages == ["he-IL", "he-IL"]  # decided at the start
    assert heard.unmatched == 3  # the one that is scripted, and two for what follows


@pytest.mark.parametrize(
    ("mode", "begins", "language", "text"),
    [
        ("AtStart", 4_000, "he-IL", "שלום."),
        ("AtStart", 6_000, "en-US", misheard("שלום.")),
        ("Continuous", 6_000, "he-IL", "שלום."),
    ],
)
async def test_a_language_that_is_not_spoken_within_five_seconds_is_decided_wrongly(
    fake_speech: FakeSpeech, mode: str, begins: int, language: str, text: str
) -> None:
    fake_speech.phrases = [{"at": begins, "dur": 900, "text": "שלום.", "lang": "he-IL"}]
    heard = await hear(fake_speech, 9, among=["en-US", "he-IL"], mode=mode)
    assert (heard.languages, [final[1] for final in heard.finals]) == ([language], [text])


async def test_a_recording_that_is_longer_than_the_service_takes_is_ended(
    fake_speech: FakeSpeech,
) -> None:
    fake_speech.longest_seconds = 8
    heard = await hear(fake_speech, 12, close=False)
    assert heard.ended != "end"


@pytest.mark.parametrize(
    ("path", "token", "welcome"),
    [
        ("/stt/speech/universal/v2", "token", True),
        ("/stt/speech/universal/v2", "aad#id#token", False),
        ("/speech/universal/v2", "aad#id#token", True),
        ("/speech/universal/v2", "token", False),
        ("/stt/speech/universal/v2", "old", False),
    ],
)
def test_a_token_is_let_in_in_the_form_that_its_host_takes(
    fake_speech: FakeSpeech, path: str, token: str, welcome: bool
) -> None:
    fake_speech.expired = {"old"}
    request = make_mocked_request("GET", path, headers={"Authorization": f"Bearer {token}"})
    assert fake_speech.welcome(request) is welcome


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "AuthenticationFailure"),
        (403, "AuthenticationFailure"),
        (429, "TooManyRequests"),
        (500, "ServiceError"),
        (503, "ServiceUnavailable"),
    ],
)
async def test_a_refused_upgrade(status: int, code: str, fake_speech: FakeSpeech) -> None:
    fake_speech.add(Fault("upgrade", status=status, headers={"Retry-After": "1"}, times=None))
    heard = await hear(fake_speech, 5, close=False)
    assert (heard.ended, heard.finals) == (code, [])
    assert fake_speech.upgrades == (1 if status in {401, 403} else 5)


async def test_a_wrong_key_is_refused_and_one_429_is_passed_over(fake_speech: FakeSpeech) -> None:
    stranger = await hear(fake_speech, 5, key="another", close=False)
    assert stranger.ended == "AuthenticationFailure"
    fake_speech.add(Fault("upgrade", status=429), Fault("upgrade", kind="slow", seconds=0.1))
    heard = await hear(fake_speech, 5)
    assert (heard.ended, len(heard.finals)) == ("end", 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["reset", "eof", "close"])
async def test_a_connection_that_breaks_loses_and_doubles_nothing(
    kind: str, fake_speech: FakeSpeech
) -> None:
    fake_speech.add(Fault("stream", kind=kind, seconds=22, times=2))
    heard = await hear(fake_speech, 60)
    assert heard.ended == "end"
    assert [at for _, _, at in heard.finals] == list(range(0, 60_000, 5000))
    seen = fake_speech.seen()
    assert len(seen["connections"]) == 3
    assert seen["connections"][1]["turns"][0]["from_ms"] > 0


async def test_a_turn_may_end_in_the_middle(fake_speech: FakeSpeech) -> None:
    fake_speech.turn_end_every = 2
    heard = await hear(fake_speech, 30)
    assert heard.ended == "end"
    assert [at for _, _, at in heard.finals] == list(range(0, 30_000, 5000))
    assert len(fake_speech.seen()["connections"][0]["turns"]) >= 3


async def test_wrong_times_and_nothing_at_all(fake_speech: FakeSpeech) -> None:
    fake_speech.add(Fault("stream", kind="offsets", seconds=-2), Fault("stream", kind="empty"))
    heard = await hear(fake_speech, 15)
    assert [at for _, _, at in heard.finals] == [0, 3000, 8000]
    heard = await hear(fake_speech, 15)
    assert (heard.ended, heard.finals) == ("end", [])


async def test_an_error_among_the_finals_is_passed_over(fake_speech: FakeSpeech) -> None:
    fake_speech.add(Fault("stream", kind="error", seconds=7, message="TooManyRequests"))
    heard = await hear(fake_speech, 20)
    assert heard.ended == "end"
    assert [at for _, _, at in heard.finals] == list(range(0, 20_000, 5000))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["stall", "silent"])
async def test_an_end_that_never_comes(kind: str, fake_speech: FakeSpeech) -> None:
    fake_speech.add(Fault("stream", kind=kind, seconds=6, times=None))
    quick_stop = {"SPEECH-StopRecognitionTimeoutInSeconds": "1"}
    heard = await hear(fake_speech, 10, patience=1.5, **quick_stop)
    assert heard.ended == "nothing"
    assert len(heard.finals) == (1 if kind == "stall" else 2)


@pytest.mark.slow
async def test_a_slow_reader_is_slow(fake_speech: FakeSpeech) -> None:
    fake_speech.add(Fault("stream", kind="slow", seconds=0.2))
    loop = asyncio.get_running_loop()
    began = loop.time()
    heard = await hear(fake_speech, 10)
    assert len(heard.finals) == 2
    assert loop.time() - began > 1.5
