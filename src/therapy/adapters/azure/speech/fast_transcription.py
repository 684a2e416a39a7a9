"""Recognition by Fast Transcription: a whole recording in one request, its transcript in the answer.

The SDK's own retry would send an empty file the second time, and accept the answer. So it is disabled, and
our policy opens the recording again for each try.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import msgspec
from azure.ai.transcription.aio import TranscriptionClient
from azure.ai.transcription.models import (
    PhraseListProperties,
    TranscriptionContent,
    TranscriptionDiarizationOptions,
    TranscriptionOptions,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError
from msgspec import Struct

from therapy.adapters.azure.engine_errors import again, engine_errors, may_be_charged
from therapy.adapters.azure.speech.audio_buffer_file import AudioBufferFile
from therapy.adapters.azure.speech.connection import Patience, SpeechAccess
from therapy.adapters.azure.speech.errors import SeveralLanguages, note_charge
from therapy.adapters.azure.speech.recognised_phrases import FastAnswer, from_fast, most_spoken
from therapy.adapters.azure.transport import KeepAliveTransport
from therapy.adapters.retry import RetryPolicy
from therapy.domain.audio_findings import ONE_LANGUAGE
from therapy.domain.errors import EngineFailed
from therapy.domain.transcript import in_order
from therapy.ports.speech import SpeechCharge, SpeechDone, SpeechEvent, SpeechProgress

NAME = "azure-fast"

CONTENT_TYPE = "audio/wav"


class _Inner(Struct, frozen=True):
    code: str = ""


class _Problem(Struct, frozen=True, rename="camel"):
    """An error's body: flat, as the service sends it, or in `error`, as its reference has it."""

    inner_error: _Inner = _Inner()
    error: "_Problem | None" = None


async def listen(
    access: SpeechAccess,
    buffer: AudioBufferFile,
    locales: tuple[str, ...],
    *,
    max_speakers: int,
    patience: Patience,
    hints: tuple[str, ...] = (),
) -> AsyncGenerator[SpeechEvent, None]:
    """Yield what `Speech.transcribe` promises, from one request with a finished buffer.

    Raises:
        EngineFailed: there is no answer; `transient` says whether there may be one later.
        SeveralLanguages: the service gives up on a recording in several of these languages.
    """
    length = buffer.duration_ms
    if not length:
        yield SpeechDone(NAME, "", 0)
        return
    options = TranscriptionOptions(
        locales=list(locales),
        profanity_filter_mode="None",
        diarization_options=TranscriptionDiarizationOptions(max_speakers=max_speakers),
        phrase_list=PhraseListProperties(phrases=list(hints)) if hints else None,
    )
    yield SpeechCharge()
    answer = await _asked(access, buffer, options, patience)
    phrases = [each for each in answer.phrases if each.text.strip()]
    yield SpeechProgress(length)
    several = len(locales) > 1
    for utterance in in_order(from_fast(each, length, several=several) for each in phrases):
        yield utterance
    spoken = [(each.locale or "", each.duration_milliseconds) for each in phrases]
    remarks = (ONE_LANGUAGE,) if several and phrases else ()
    yield SpeechDone(NAME, most_spoken(spoken, locales), length, remarks=remarks)


async def _asked(
    access: SpeechAccess, buffer: AudioBufferFile, options: TranscriptionOptions, patience: Patience
) -> FastAnswer:
    """Return the answer, after several tries as long as they cost nothing; else the run decides."""
    limit = patience.least + patience.share * buffer.duration_ms / 1000
    async with _client(access, limit) as client:
        request = _Request(client, buffer, options, limit)
        policy = RetryPolicy(
            "a fast transcription is repeated",
            passes=lambda exc: isinstance(exc, AzureError) and again(exc) and not request.charged,
            pauses=patience.pauses,
            asked=_retry_after,
            longest=patience.longest,
        )
        try:
            with engine_errors():
                return await policy.call(request.send)
        except EngineFailed as exc:
            note_charge(exc, NAME, charged=request.charged)
            raise


@dataclass
class _Request:
    """A recording's request, each time it is sent; `charged`: whether the service may have taken it."""

    client: TranscriptionClient
    buffer: AudioBufferFile
    options: TranscriptionOptions
    limit: float
    charged: bool = False

    async def send(self) -> FastAnswer:
        self.charged = True
        with self.buffer.reader() as file:
            content = TranscriptionContent(
                definition=self.options, audio=("recording.wav", file, CONTENT_TYPE)
            )
            try:
                async with asyncio.timeout(self.limit):
                    # A stream: the SDK's objects for an hour's words would hold up the loop for 0.16 s.
                    answer = await self.client.transcribe(content, stream=True)
                    body = b"".join([piece async for piece in cast("AsyncIterator[bytes]", answer)])
            except (AzureError, OSError) as exc:  # a time-out is an OSError, too
                taken = not isinstance(exc, AzureError) or may_be_charged(exc)
                self.charged = taken and self.buffer.read_to_the_end
                match _code_of(exc):
                    case "NoLanguageIdentified":  # nobody speaks
                        return FastAnswer()
                    case "MultipleLanguagesIdentified":
                        raise SeveralLanguages from None
                raise
        try:
            text = body.decode("utf-8-sig", errors="replace")  # as by the SDK: it is paid for
            return msgspec.json.decode(text, type=FastAnswer, strict=False)
        except ValueError:  # also msgspec's own errors
            raise EngineFailed(reason="malformed", transient=True) from None


def _code_of(exc: Exception) -> str:
    """Return the code of the service's error, e.g. "NoLanguageIdentified"; "" if it has none."""
    response = getattr(exc, "response", None)
    try:
        problem = msgspec.json.decode(response.body(), type=_Problem) if response else _Problem()
    except (msgspec.MsgspecError, AttributeError, TypeError, ValueError):
        return ""
    return problem.inner_error.code or (problem.error or problem).inner_error.code


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
        transport=KeepAliveTransport(access.keep_alive, read_timeout=read_timeout),
    )
    async with client:
        yield client
