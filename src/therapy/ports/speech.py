"""Speech: who said what, from samples."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from msgspec import Struct

from therapy.domain.transcript import Utterance


class SpeechOptions(Struct, frozen=True):
    """What to listen for. `languages` are BCP 47 tags in order of likelihood, e.g. he-IL, en-US."""

    languages: tuple[str, ...] = ("en-US",)


class SpeechProgress(Struct, frozen=True):
    """The engine has worked through the first `heard_ms` milliseconds."""

    heard_ms: int


class SpeechDone(Struct, frozen=True):
    """The last event: which engine it was, the language it heard ("" if nothing), the audio's length."""

    engine: str
    language: str
    duration_ms: int


SpeechEvent = SpeechProgress | Utterance | SpeechDone


class Speech(ABC):
    """Recognises speech and tells voices apart."""

    @abstractmethod
    def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncIterator[SpeechEvent]:
        """Listen to 16 kHz mono s16 PCM and yield progress, utterances, and one `SpeechDone` last.

        Utterances are in order of their start, carry the engine's voice labels ("" = could not
        tell) and no role. Silence, and a stream with no samples, give no utterance and are not an
        error. Samples are pulled only as fast as the engine works. Closing the iterator early
        stops the engine.

        Raises:
            EngineFailed: the engine broke; `transient` says whether trying again may help.
            LanguageNotSupported: none of the languages can be recognised.
        """
