"""Recognition by Fast Transcription: a whole recording in one request, its transcript in the answer.

The SDK's own retry would send an empty file the second time, and accept the answer. So it is disabled, and
our policy opens the recording again for each try.
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
    """Yield what `Speech.transcribe` promises, from one request with a finished buffer."""
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
    """Return the answer, after several tries if necessary and sensible.

    Raises:
        EngineFailed: there is no answer; `transient` says whether there may be one later.
    """
    limit = patience.least + patience.share * buffer.duration_ms / 1000
    policy = RetryPolicy(
        "a fast transcription is repeated",
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
    """Return the seconds that an answer asks us to wait; dates are ignored, as the service sends numbers."""
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
