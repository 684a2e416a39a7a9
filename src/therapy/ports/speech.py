"""Speech: recognises who said what, from audio samples."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from msgspec import Struct

from therapy.domain.transcript import Coverage, Utterance


class SpeechOptions(Struct, frozen=True):
    """What to recognise.

    `languages` are BCP 47 tags, most likely first, e.g. he-IL, en-US. `people` is how many speak
    (1 to 6), 0 if that is not known; an engine that can't use it ignores it.
    """

    languages: tuple[str, ...] = ("en-US",)
    people: int = 0


class SpeechProgress(Struct, frozen=True):
    """The engine has processed the first `processed_ms` milliseconds of the audio."""

    processed_ms: int


class SpeechCharge(Struct, frozen=True):
    """The engine is about to send what its service charges for; it goes on once the next event is asked for.

    Whoever does not want to pay closes the iterator instead.
    """


class SpeechDone(Struct, frozen=True):
    """The last event: the engine's name, the language recognised ("" = none), the duration of the audio.

    `coverage` is None where the engine does not tell how much of the speech it found words for. `remarks`
    are codes of what a reader of the transcript should know, e.g. `one_language`.
    """

    engine: str
    language: str
    duration_ms: int
    coverage: Coverage | None = None
    remarks: tuple[str, ...] = ()


SpeechEvent = SpeechProgress | Utterance | SpeechCharge | SpeechDone


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
