"""Speech from a script: an engine that yields prepared utterances if the audio has any sound."""

from collections.abc import AsyncIterator, Sequence

from therapy.domain.errors import LanguageNotSupported, WorkFailed
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import Speech, SpeechDone, SpeechEvent, SpeechOptions, SpeechProgress


class MemorySpeech(Speech):
    """Yields `script` if any sample is not 0; raises `failure` instead, if there is one."""

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
        known = [each for each in options.languages if _primary(each) in self.languages]
        if not known:
            raise LanguageNotSupported
        received, sound = 0, False
        async for chunk in pcm:
            received += len(chunk)
            sound = sound or any(chunk)
            yield SpeechProgress(received // BYTES_PER_MS)
        if self.failure is not None:
            raise self.failure
        spoken = self.script if sound else ()
        for utterance in spoken:
            yield utterance
        yield SpeechDone("scripted", known[0] if spoken else "", received // BYTES_PER_MS)


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
