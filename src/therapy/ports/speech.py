"""Speech: recognises who said what, from audio samples."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from msgspec import Struct

from therapy.domain.transcript import Coverage, Utterance


class SpeechOptions(Struct, frozen=True):
    """What to recognise.

    `languages` are BCP 47 tags, most likely first, e.g. he-IL, en-US. `people` is how many speak
    (1 to 6), 0 if that is not known; an engine that can't use it ignores it.

    If `checkpoint_ms` is not 0, an engine that can yields a `SpeechCheckpoint` about once in so much audio.
    `checkpoints` are the states of those that earlier tries yielded for the same samples and options, perhaps
    not all, and in any order. What an engine can't read, as it is of another version or engine, it ignores.

    `hints` are names and terms that may be said, at most 500, most wanted first; those of earlier tries may
    have been others. An engine that can expects them, any other ignores them; they are clinical text.
    """

    languages: tuple[str, ...] = ("en-US",)
    people: int = 0
    checkpoint_ms: int = 0
    checkpoints: tuple[bytes, ...] = ()
    hints: tuple[str, ...] = ()


class SpeechProgress(Struct, frozen=True):
    """The engine has processed the first `processed_ms` milliseconds of the audio."""

    processed_ms: int


class SpeechCharge(Struct, frozen=True):
    """The engine is about to send what its service charges for; it goes on once the next event is asked for.

    Whoever does not want to pay closes the iterator instead.
    """


class SpeechCheckpoint(Struct, frozen=True):
    """What the engine has worked out since the last one, in its own form; only if it was asked for.

    Whoever keeps `state` may pass it to a later try (`SpeechOptions.checkpoints`), which then does not work
    on that part of the audio again and gives the same result. It contains what was said, so it is kept as
    carefully as a recording.
    """

    state: bytes

    def __repr__(self) -> str:
        return f"SpeechCheckpoint({len(self.state)} bytes)"


class SpeechDone(Struct, frozen=True):
    """The last event: the engine's name, the language recognised ("" = none), the duration of the audio.

    `coverage` is None where the engine does not tell how much of the speech it found words for. `remarks`
    are codes of what a reader of the transcript should know, e.g. `one_language`. `resumed_ms` is how much
    of the audio was not worked on, as checkpoints had it.
    """

    engine: str
    language: str
    duration_ms: int
    coverage: Coverage | None = None
    remarks: tuple[str, ...] = ()
    resumed_ms: int = 0


SpeechEvent = SpeechProgress | Utterance | SpeechCharge | SpeechCheckpoint | SpeechDone


class Speech(ABC):
    """Recognises speech and distinguishes voices."""

    @abstractmethod
    def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncIterator[SpeechEvent]:
        """Yield the progress and the utterances of 16 kHz mono s16 PCM, and one `SpeechDone` last.

        Utterances are in order of their start, with the engine's voice labels ("" = unknown) and without
        a speaker. Silence, or a stream without samples, yields no utterance and is not an error.
        Samples are pulled only as fast as the engine works. Closing the iterator early stops the
        engine. An engine that costs money yields `SpeechCharge` before each time that it may cost; if it
        then raises `EngineFailed` with `uncharged`, that time cost nothing.

        Raises:
            EngineFailed: the engine broke; `transient` says whether trying again may help.
            LanguageNotSupported: none of the languages can be recognised.
        """
