"""Speech recognition by Azure: two engines behind one port, and the rule that chooses between them.

Fast Transcription takes a whole recording in one request and answers in minutes; the conversation
transcriber takes half as long as the recording. The recording comes as a stream of unknown length, so it
first goes to an unnamed file on disk (`audio_buffer_file`), losslessly compressed. As soon as it turns out
too long or too large for one request, the conversation transcriber takes over, with the file's samples and
then the rest of the stream. It also does where several languages were spoken, of which the other engine
takes only one. No recording is ever in memory as a whole, and none is read twice.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from enum import Enum
from pathlib import Path

from msgspec import Struct

from therapy.adapters.azure.speech.audio_buffer_file import AudioBufferFile
from therapy.adapters.azure.speech.connection import Deadlines, Patience, SpeechAccess
from therapy.adapters.azure.speech.errors import SeveralLanguages
from therapy.adapters.azure.speech.locales import FAST_LOCALES, candidates
from therapy.domain.errors import EngineFailed, RecordingTooLong
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import Speech, SpeechCharge, SpeechEvent, SpeechOptions, SpeechProgress


class Engine(Enum):
    """The setting, and the engine that it leads to; AUTO is only a setting."""

    AUTO = "auto"
    FAST = "fast"
    CONVERSATION = "conversation"


class SpeechLimits(Struct, frozen=True):
    """The longest recordings (ms) for each engine, and the largest one (bytes) for Fast Transcription.

    It takes less than two hours, so five minutes are kept free. Its first version took 200 MB, later ones
    250 MB or more. The conversation transcriber tells speakers apart for four hours.
    """

    fast_ms: int = 115 * 60_000
    fast_bytes: int = 240_000_000
    conversation_ms: int = 240 * 60_000


def choose_engine(
    setting: Engine,
    locales: tuple[str, ...],
    *,
    duration_ms: int,
    size: int,
    limits: SpeechLimits = SpeechLimits(),  # noqa: B008 - frozen
) -> Engine:
    """Return the engine for what is known so far of a recording; called again while it grows.

    | setting       | languages            | length and size      | engine                          |
    |---------------|----------------------|----------------------|---------------------------------|
    | conversation  | any                  | any                  | conversation                    |
    | fast          | any                  | within the limits    | fast                            |
    | fast          | any                  | beyond               | none: the recording is refused  |
    | auto          | one not in fast      | any                  | conversation                    |
    | auto          | all in fast          | within the limits    | fast                            |
    | auto          | all in fast          | beyond               | conversation                    |

    Raises:
        RecordingTooLong: the setting forbids the only engine that could do it.
        EngineFailed: (for good) the same, for a recording that is too large.
    """
    fits = duration_ms <= limits.fast_ms and size <= limits.fast_bytes
    if setting is Engine.FAST:
        if duration_ms > limits.fast_ms:
            raise RecordingTooLong(longest=limits.fast_ms // 1000)
        if not fits:
            raise EngineFailed("too_large_for_fast", transient=False)
        return Engine.FAST
    if setting is Engine.CONVERSATION or not fits or not FAST_LOCALES.issuperset(locales):
        return Engine.CONVERSATION
    return Engine.FAST


FEWEST_SPEAKERS = 2
"""The smallest number of speakers that Fast Transcription takes."""


class AzureSpeech(Speech):
    """Recognises speech with Azure. `directory` is where recordings are buffered for one request.

    It should be on a disk: in a directory in memory, the whole recording would be in memory after all.
    `max_speakers` is a hint to Fast Transcription, 2 to 35, where it is not known how many people speak; the
    other engine takes none.
    """

    def __init__(
        self,
        access: SpeechAccess,
        *,
        engine: Engine = Engine.AUTO,
        directory: Path | None = None,
        max_speakers: int = 4,
        limits: SpeechLimits | None = None,
        deadlines: Deadlines | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._access, self._engine, self._directory = access, engine, directory
        self._max_speakers = max_speakers
        self._limits = limits or SpeechLimits()
        self._deadlines = deadlines or Deadlines()
        self._patience = patience or Patience()

    async def transcribe(
        self,
        practice_id: str,  # noqa: ARG002 - one resource serves all practices
        pcm: AsyncIterator[bytes],
        options: SpeechOptions,
    ) -> AsyncGenerator[SpeechEvent, None]:
        locales = candidates(options.languages)
        if self._choice(locales) is Engine.CONVERSATION:
            talk = self._conversation(pcm, locales, options)
            async with aclosing(talk):
                async for event in talk:
                    yield event
            return
        async with AudioBufferFile(self._directory) as buffer:
            async for chunk in pcm:
                if chunk:
                    await buffer.write(chunk)
                    yield SpeechProgress(0)  # nothing is recognised yet
                    if self._choice(locales, buffer) is Engine.CONVERSATION:
                        break
            await buffer.finish()
            rest = self._of_buffer(buffer, pcm, locales, options)
            async with aclosing(rest):
                async for event in rest:
                    yield event

    def _choice(self, locales: tuple[str, ...], buffer: AudioBufferFile | None = None) -> Engine:
        return choose_engine(
            self._engine,
            locales,
            duration_ms=buffer.duration_ms if buffer else 0,
            size=buffer.size if buffer else 0,
            limits=self._limits,
        )

    def _conversation(
        self, pcm: AsyncIterator[bytes], locales: tuple[str, ...], options: SpeechOptions
    ) -> AsyncGenerator[SpeechEvent, None]:
        from therapy.adapters.azure.speech import (
            conversation,  # 34 MB, imported only if it is used
        )

        bounded = _bounded(pcm, self._limits.conversation_ms)
        return conversation.listen(self._access, bounded, locales, self._deadlines, options)

    async def _of_buffer(
        self,
        buffer: AudioBufferFile,
        rest: AsyncIterator[bytes],
        locales: tuple[str, ...],
        options: SpeechOptions,
    ) -> AsyncGenerator[SpeechEvent, None]:
        paid = False
        if self._choice(locales, buffer) is Engine.FAST:
            try:
                fast = self._fast(buffer, locales, options)
                async with aclosing(fast):
                    async for event in fast:
                        yield event
                return
            except SeveralLanguages:
                if self._engine is Engine.FAST:
                    raise
                paid = True  # the same try: it may be charged once
        talk = self._conversation(_both(buffer.pcm(), rest), locales, options)
        async with aclosing(talk):
            async for event in talk:
                if not (paid and isinstance(event, SpeechCharge)):
                    yield event

    def _fast(
        self, buffer: AudioBufferFile, locales: tuple[str, ...], options: SpeechOptions
    ) -> AsyncGenerator[SpeechEvent, None]:
        from therapy.adapters.azure.speech import fast_transcription

        people = options.people
        return fast_transcription.listen(
            self._access,
            buffer,
            locales,
            max_speakers=max(FEWEST_SPEAKERS, people) if people else self._max_speakers,
            hints=options.hints,
            patience=self._patience,
        )


async def _bounded(pcm: AsyncIterator[bytes], longest_ms: int) -> AsyncIterator[bytes]:
    """Yield the samples.

    Raises:
        RecordingTooLong: there are more than `longest_ms` of them; the service would end the recognition.
    """
    left = longest_ms * BYTES_PER_MS
    async for chunk in pcm:
        left -= len(chunk)
        if left < 0:
            raise RecordingTooLong(longest=longest_ms // 1000)
        yield chunk


async def _both(first: AsyncIterator[bytes], then: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in first:
        yield chunk
    async for chunk in then:
        yield chunk
