"""Fast Transcription: a whole recording in one request, its transcript in the answer.

The SDK's own retry sends an empty file the second time, and takes the answer for good. So it has
none, and our policy opens the recording anew each time.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from azure.ai.transcription.aio import TranscriptionClient
from azure.ai.transcription.models import (
    TranscriptionContent,
    TranscriptionDiarizationOptions,
    TranscriptionOptions,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError

from therapy.adapters.azure.engine_errors import again, engine_errors
from therapy.adapters.azure.speech.audio_buffer_file import AudioBufferFile
from therapy.adapters.azure.speech.connection import Patience, SpeechAccess
from therapy.adapters.azure.speech.recognised_phrases import FastAnswer, from_fast, most_spoken
from therapy.adapters.retry import RetryPolicy
from therapy.domain.errors import EngineFailed
from therapy.domain.transcript import in_order
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechProgress

NAME = "azure-fast"

CONTENT_TYPE = "audio/flac"


async def listen(
    access: SpeechAccess,
    buffer: AudioBufferFile,
    locales: tuple[str, ...],
    *,
    max_speakers: int,
    patience: Patience,
) -> AsyncGenerator[SpeechEvent, None]:
    """Do what `Speech.transcribe` promises, with one request for a finished buffer."""
    length = buffer.duration_ms
    if not length:
        yield SpeechDone(NAME, "", 0)
        return
    options = TranscriptionOptions(
        locales=list(locales),
        profanity_filter_mode="None",
        diarization_options=TranscriptionDiarizationOptions(max_speakers=max_speakers),
    )
    answer = await _asked(access, buffer, options, patience)
    phrases = [each for each in answer.phrases if each.text.strip()]
    yield SpeechProgress(length)
    for utterance in in_order(from_fast(each, length) for each in phrases):
        yield utterance
    spoken = [(each.locale or "", each.duration_milliseconds) for each in phrases]
    yield SpeechDone(NAME, most_spoken(spoken, locales), length)


async def _asked(
    access: SpeechAccess, buffer: AudioBufferFile, options: TranscriptionOptions, patience: Patience
) -> FastAnswer:
    """Ask until there is an answer, or trying again is for later.

    Raises:
        EngineFailed: there is none; `transient` says whether there may be one later.
    """
    limit = patience.least + patience.share * buffer.duration_ms / 1000
    policy = RetryPolicy(
        "fast transcription is asked again",
        passes=lambda exc: isinstance(exc, AzureError) and again(exc),
        pauses=patience.pauses,
        asked=_retry_after,
        longest=patience.longest,
    )
    with engine_errors():
        async with _client(access, limit) as client:
            return await policy.call(lambda: _once(client, buffer, options, limit))


async def _once(
    client: TranscriptionClient,
    buffer: AudioBufferFile,
    options: TranscriptionOptions,
    limit: float,
) -> FastAnswer:
    with buffer.reader() as file:
        content = TranscriptionContent(
            definition=options, audio=("recording.flac", file, CONTENT_TYPE)
        )
        async with asyncio.timeout(limit):
            answer = await client.transcribe(content)
    try:
        return msgspec.convert(answer.as_dict(), FastAnswer, strict=False)
    except (msgspec.ValidationError, TypeError, ValueError, AttributeError):
        raise EngineFailed(reason="malformed", transient=True) from None


def _retry_after(exc: Exception) -> float | None:
    """Seconds that the answer asks to wait; a date is not honoured, the service sends numbers."""
    headers = getattr(getattr(exc, "response", None), "headers", {})
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


@asynccontextmanager
async def _client(access: SpeechAccess, read_timeout: float) -> AsyncIterator[TranscriptionClient]:
    client = TranscriptionClient(
        access.fast_address,
        access.credential or AzureKeyCredential(access.key),
        retry_total=0,
        read_timeout=read_timeout,
    )
    async with client:
        yield client
