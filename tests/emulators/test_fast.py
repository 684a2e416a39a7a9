"""The fake of Fast Transcription against the real SDK: what it heard, what it was sent, each fault."""

from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("azure.ai.transcription")

from aiohttp.test_utils import make_mocked_request
from azure.ai.transcription.aio import TranscriptionClient
from azure.ai.transcription.models import (
    TranscriptionContent,
    TranscriptionDiarizationOptions,
    TranscriptionOptions,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from tests.emulators.fast import FakeFast
from tests.emulators.faults import Fault

pytestmark = pytest.mark.emulator


def wav(seconds: float) -> bytes:
    with io.BytesIO() as file:
        with wave.open(file, "wb") as written:
            written.setparams((1, 2, 16_000, 0, "NONE", ""))
            written.writeframes(bytes(int(32_000 * seconds)))
        return file.getvalue()


def asked(audio: bytes, locale: str = "en-US") -> TranscriptionContent:
    options = TranscriptionOptions(
        locales=[locale, "en-US"],
        diarization_options=TranscriptionDiarizationOptions(max_speakers=5),
    )
    return TranscriptionContent(definition=options, audio=("a.wav", audio, "audio/wav"))


@pytest.fixture
async def client(fake_fast: FakeFast) -> AsyncIterator[TranscriptionClient]:
    credential = AzureKeyCredential(fake_fast.key)
    async with TranscriptionClient(fake_fast.url, credential, retry_total=0) as made:
        yield made


async def test_a_recording_is_heard_for_as_long_as_it_is(
    client: TranscriptionClient, fake_fast: FakeFast
) -> None:
    audio = wav(20)
    heard = await client.transcribe(asked(audio, "he-IL"))
    assert heard.duration_milliseconds == 20_000
    assert [phrase.offset_milliseconds for phrase in heard.phrases] == [0, 5000, 10_000, 15_000]
    assert [phrase.speaker for phrase in heard.phrases] == [1, 2, 1, 2]
    assert heard.phrases[0].locale == "he-IL"
    assert heard.phrases[0].words[1].offset_milliseconds > 0
    (call,) = fake_fast.calls
    assert (call["bytes"], call["sha256"]) == (len(audio), hashlib.sha256(audio).hexdigest())
    assert call["definition"]["diarization"] == {"maxSpeakers": 5}
    assert call["content_type"] == "audio/wav"


async def test_a_script_decides_what_is_heard(
    client: TranscriptionClient, fake_fast: FakeFast
) -> None:
    fake_fast.phrases = [
        {"at": 0, "dur": 900, "speaker": "Guest-3", "text": "Third.", "lang": "en-US"},
        {"at": 1000, "dur": 900, "text": "", "status": "NoMatch"},
    ]
    heard = await client.transcribe(asked(wav(2)))
    assert [(one.speaker, one.text) for one in heard.phrases] == [(3, "Third.")]
    fake_fast.add(Fault(kind="empty"))
    assert (await client.transcribe(asked(wav(2)))).phrases == []


async def test_a_retry_without_audio_is_no_success(fake_fast: FakeFast) -> None:
    fake_fast.add(Fault("transcribe", status=500))
    credential = AzureKeyCredential(fake_fast.key)
    file = io.BytesIO(wav(1))
    async with TranscriptionClient(
        fake_fast.url, credential, retry_total=1, retry_backoff_factor=0
    ) as client:
        with pytest.raises(HttpResponseError) as failed:
            await client.transcribe(asked(file))
    assert failed.value.status_code == 400
    assert fake_fast.calls[-1]["bytes"] == 0


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_scripted_status(
    status: int, client: TranscriptionClient, fake_fast: FakeFast
) -> None:
    fake_fast.add(Fault("transcribe", status=status, headers={"Retry-After": "7"}))
    with pytest.raises(HttpResponseError) as failed:
        await client.transcribe(asked(wav(1)))
    assert failed.value.status_code == status
    assert isinstance(failed.value, ClientAuthenticationError) == (status == 401)
    await client.transcribe(asked(wav(6)))


async def test_breaks_stalls_and_slowness(client: TranscriptionClient, fake_fast: FakeFast) -> None:
    fake_fast.add(Fault(kind="reset"), Fault(kind="stall"), Fault(kind="slow", seconds=0.1))
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        await client.transcribe(asked(wav(1)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.transcribe(asked(wav(1))), 0.2)
    assert (await client.transcribe(asked(wav(6)))).phrases


def said(language: str, at: int, dur: int = 1_000) -> dict[str, object]:
    return {"at": at, "dur": dur, "speaker": "Guest-1", "text": "Yes, well.", "lang": language}


async def test_one_language_is_chosen_for_the_whole_recording_and_the_other_is_misheard(
    client: TranscriptionClient, fake_fast: FakeFast
) -> None:
    fake_fast.phrases = [said("he-IL", 0, 8_000), said("en-US", 8_000)]
    heard = await client.transcribe(asked(wav(10), "he-IL"))
    assert [(each.locale, each.text) for each in heard.phrases] == [
        ("he-IL", "Yes, well."),
        ("he-IL", "Yes, well.".replace("Yes,", ",seY").replace("well.", ".llew")),
    ]


@pytest.mark.parametrize(
    ("phrases", "code"),
    [
        ([], "NoLanguageIdentified"),
        ([said("he-IL", 0), said("en-US", 2_000)], "MultipleLanguagesIdentified"),
    ],
)
async def test_a_recording_in_no_language_or_in_several_is_refused(
    client: TranscriptionClient, fake_fast: FakeFast, phrases: list[dict[str, object]], code: str
) -> None:
    fake_fast.phrases = phrases
    with pytest.raises(HttpResponseError) as failed:
        await client.transcribe(asked(wav(10), "he-IL"))
    assert failed.value.status_code == 422
    assert failed.value.response.json()["innerError"]["code"] == code


@pytest.mark.parametrize(
    ("token", "own_domain", "welcome"),
    [("token", True, True), ("token", False, False), ("aad#id#token", True, False)],
)
def test_a_token_is_let_in_as_it_is_and_at_the_resources_own_domain_only(
    fake_fast: FakeFast, token: str, own_domain: bool, welcome: bool
) -> None:
    fake_fast.own_domain = own_domain
    request = make_mocked_request("POST", "/", headers={"Authorization": f"Bearer {token}"})
    assert fake_fast.welcome(request) is welcome


async def test_two_hours_are_too_long(client: TranscriptionClient, fake_fast: FakeFast) -> None:
    fake_fast.seconds = 7_200.0
    with pytest.raises(HttpResponseError) as failed:
        await client.transcribe(asked(b"no header that says how long it is"))
    assert failed.value.response.json()["innerError"]["code"] == "AudioLengthLimitExceeded"


async def test_three_hundred_megabytes_are_too_many(
    client: TranscriptionClient, fake_fast: FakeFast
) -> None:
    assert fake_fast.most_bytes == 300_000_000
    fake_fast.most_bytes = len(wav(2))
    fake_fast.phrases = [said("en-US", 0)]
    assert (await client.transcribe(asked(wav(1.9)))).duration_milliseconds == 1_900
    with pytest.raises(HttpResponseError) as failed:
        await client.transcribe(asked(wav(2)))
    assert failed.value.status_code == 413
