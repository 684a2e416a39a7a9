"""Speech from a script: the fake engine says what it was told to, if it hears anything at all."""

from collections.abc import AsyncIterator, Sequence

from therapy.domain.errors import LanguageNotSupported, WorkFailed
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import Speech, SpeechDone, SpeechEvent, SpeechOptions, SpeechProgress


class MemorySpeech(Speech):
    """Yields `script` once it has heard sound (any sample but 0); `failure` is raised instead."""

    def __init__(
        self,
        script: Sequence[Utterance] = (),
        *,
        languages: Sequence[str] = ("en", "he"),
        failure: WorkFailed | None = None,
    ) -> None:
        self.script = tuple(sorted(script, key=lambda each: each.start_ms))
        self.languages = tuple(languages)
        self.failure = failure

    async def transcribe(
        self,
        practice_id: str,  # noqa: ARG002 - the port's
        pcm: AsyncIterator[bytes],
        options: SpeechOptions,
    ) -> AsyncIterator[SpeechEvent]:
        asked = [each for each in options.languages if _primary(each) in self.languages]
        if not asked:
            raise LanguageNotSupported
        heard, sound = 0, False
        async for chunk in pcm:
            heard += len(chunk)
            sound = sound or any(chunk)
            yield SpeechProgress(heard // BYTES_PER_MS)
        if self.failure is not None:
            raise self.failure
        spoken = self.script if sound else ()
        for utterance in spoken:
            yield utterance
        yield SpeechDone("scripted", asked[0] if spoken else "", heard // BYTES_PER_MS)


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
