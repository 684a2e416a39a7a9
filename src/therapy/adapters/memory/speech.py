"""Speech from a script: an engine that yields prepared utterances if the audio has any sound."""

import re
from collections.abc import AsyncIterator, Sequence

from therapy.domain.errors import LanguageNotSupported, WorkFailed
from therapy.domain.transcript import Utterance
from therapy.ports.audio import BYTES_PER_MS
from therapy.ports.speech import (
    Speech,
    SpeechCheckpoint,
    SpeechDone,
    SpeechEvent,
    SpeechOptions,
    SpeechProgress,
)

_STATE, _HEARD = b"heard %d ms", re.compile(rb"heard (\d+) ms")


class MemorySpeech(Speech):
    """Yields `script` if any sample is not 0; raises `failure` instead, if there is one.

    Its checkpoints are how many ms it has heard; it "hears" only what comes after the last one.
    """

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
        kept_ms = resumed_ms = max((_heard(each) for each in options.checkpoints), default=0)
        async for chunk in pcm:
            received += len(chunk)
            sound = sound or any(chunk)
            now_ms = received // BYTES_PER_MS
            yield SpeechProgress(now_ms)
            if options.checkpoint_ms and now_ms >= kept_ms + options.checkpoint_ms:
                kept_ms = now_ms
                yield SpeechCheckpoint(_STATE % now_ms)
        if self.failure is not None:
            raise self.failure
        spoken = self.script if sound else ()
        for utterance in spoken:
            yield utterance
        language = known[0] if spoken else ""
        length_ms = received // BYTES_PER_MS
        yield SpeechDone("scripted", language, length_ms, resumed_ms=min(resumed_ms, length_ms))


def _heard(state: bytes) -> int:
    found = _HEARD.fullmatch(state)
    return int(found[1]) if found else 0


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
