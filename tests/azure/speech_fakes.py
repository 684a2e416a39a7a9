"""What the tests of Azure Speech share: samples, scripts, an adapter that points at the fakes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("azure.cognitiveservices.speech", reason="the extra [azure] is not installed")

from tests.builders import PRACTICE
from tests.emulators.fast import FakeFast
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.connection import SpeechAccess
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechOptions, SpeechProgress

SECOND = 1_000 * BYTES_PER_MS

UNHURRIED = {
    "SPEECH-AudioThrottleAsPercentageOfRealTime": "2000",
    "SPEECH-AudioThrottleLowAsPercentageOfRealTime": "2000",
    "SPEECH-TransmitLengthBeforeThrottleMs": "60000",
    "SPEECH-MaxBufferSizeMs": "4000000",
}
"""Names that nothing documents: they lift the SDK's throttle, which is twice the speed of talking."""


def phrases(number: int, *, every: int = 3_000, speakers: int = 2) -> list[dict[str, Any]]:
    """A talk with a phrase of two seconds `every` so many milliseconds."""
    return [
        {
            "at": index * every + 500,
            "dur": 2_000,
            "speaker": f"Guest-{index % speakers + 1}",
            "text": f"This is phrase number {index}.",
        }
        for index in range(number)
    ]


async def seconds(
    length: float, chunk: int = SECOND, *, noise: bool = False
) -> AsyncIterator[bytes]:
    """That many seconds of samples: to a scripted fake silence will do; noise can't be compressed."""
    sound = random.Random(1).randbytes(chunk) if noise else bytes(chunk)
    left = int(length * SECOND)
    while left > 0:
        yield sound[: min(chunk, left)]
        left -= chunk


def an_access(speech: FakeSpeech | None = None, fast: FakeFast | None = None) -> SpeechAccess:
    return SpeechAccess(
        region="westeurope",
        key=FakeSpeech.key or "",
        host=speech.host if speech else "",
        fast_endpoint=fast.url if fast else "",
        properties=UNHURRIED,
    )


def talking_to(speech: FakeSpeech, **changes: Any) -> AzureSpeech:
    """The adapter with the conversation transcriber."""
    return AzureSpeech(an_access(speech), **{"engine": Engine.CONVERSATION, **changes})


def asking(fast: FakeFast, directory: Path, **changes: Any) -> AzureSpeech:
    """The adapter with Fast Transcription."""
    settings = {"engine": Engine.FAST, "directory": directory, **changes}
    return AzureSpeech(an_access(fast=fast), **settings)


async def heard(
    speech: AzureSpeech,
    pcm: AsyncIterator[bytes],
    *languages: str,
    people: int = 0,
    hints: tuple[str, ...] = (),
) -> list[SpeechEvent]:
    options = SpeechOptions(languages or ("en-US",), people, hints=hints)
    return [event async for event in speech.transcribe(PRACTICE, pcm, options)]


def utterances(events: Sequence[SpeechEvent]) -> list[Utterance]:
    return [event for event in events if isinstance(event, Utterance)]


def progress(events: Sequence[SpeechEvent]) -> list[int]:
    return [event.processed_ms for event in events if isinstance(event, SpeechProgress)]


def done(events: Sequence[SpeechEvent]) -> SpeechDone:
    last = events[-1]
    assert isinstance(last, SpeechDone)
    return last


def said(script: Sequence[dict[str, Any]]) -> list[tuple[int, int, str, str]]:
    """What a script should become: start, end, voice and text of each utterance."""
    return [
        (each["at"], each["at"] + each["dur"], each["speaker"].removeprefix("Guest-"), each["text"])
        for each in script
    ]


def lines(events: Sequence[SpeechEvent]) -> list[tuple[int, int, str, str]]:
    """The same of what came out."""
    return [(each.start_ms, each.end_ms, each.voice, each.text) for each in utterances(events)]


def names_in(directory: Path) -> list[str]:
    """What can be seen of temporary files: a file without a name can't be left behind."""
    return [path.name for path in directory.iterdir()]


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread brings about; the test's timeout ends the wait."""
    while not true():  # noqa: ASYNC110 - the fake's thread knows nothing of our loop
        await asyncio.sleep(0.01)
