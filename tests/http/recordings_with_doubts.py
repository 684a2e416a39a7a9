"""A clinic whose recordings have holes and whose engine has doubts, for what the API says of both."""

from collections.abc import AsyncIterator, Callable

from msgspec.structs import replace

from tests.builders import an_utterance
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.audio_findings import AudioFindings, Missing
from therapy.domain.transcript import GUESS, LOOP, Coverage, Speaker, Utterance, Word
from therapy.ports.audio import LONGEST_MS, ReadRange
from therapy.ports.speech import SpeechDone, SpeechEvent, SpeechOptions

HOLE = Missing(600_000, 720_000, "hole")
END = Missing(2_400_000, 2_401_500, "cut_off")
COVERAGE = Coverage(speech_ms=9_000, without_words_ms=700, longest_ms=400)


def _words(text: str, start_ms: int, *confidence: float) -> tuple[Word, ...]:
    spoken = text.split()
    return tuple(
        Word(each, start_ms + 200 * place, start_ms + 200 * place + 200, sure)
        for place, (each, sure) in enumerate(zip(spoken, confidence, strict=True))
    )


def a_line(text: str, start_ms: int, *confidence: float, **more: object) -> Utterance:
    """Return a line of a voice whose words have these confidences."""
    line = an_utterance(text, start_ms, speaker=Speaker.UNKNOWN)
    return replace(line, words=_words(text, start_ms, *confidence), **more)


SCRIPT = (
    a_line("How did you sleep?", 0, 0.9, 0.9, 0.8, 1.0, voice="0"),
    a_line("I feel glad.", 3_000, 0.9, 0.8, 0.7, voice="1"),
    a_line("A happy happy.", 7_000, 0.2, 0.1, 0.3, voice="1", flags=(GUESS, LOOP)),
)


class DecoderOfHoles(MemoryAudioDecoder):
    """Reports two stretches as missing, and that one channel is silent."""

    async def decode(
        self,
        practice_id: str,
        read: ReadRange,
        size: int,
        *,
        longest_ms: int = LONGEST_MS,
        on_end: Callable[[AudioFindings], None] = lambda _: None,
    ) -> AsyncIterator[bytes]:
        def report(found: AudioFindings) -> None:
            on_end(replace(found, missing=(HOLE, END), remarks=("silent_channel",)))

        async for chunk in super().decode(practice_id, read, size, on_end=report):
            yield chunk


class CountedSpeech(MemorySpeech):
    """Says how much of the speech has words, and in the engine's name how many people it was told of."""

    async def transcribe(
        self, practice_id: str, pcm: AsyncIterator[bytes], options: SpeechOptions
    ) -> AsyncIterator[SpeechEvent]:
        async for event in super().transcribe(practice_id, pcm, options):
            if isinstance(event, SpeechDone):
                yield replace(event, engine=f"for {options.people} people", coverage=COVERAGE)
            else:
                yield event


def doubtful_ports() -> dict[str, object]:
    """Return the ports of such a clinic, for `open_clinic`."""
    return {"audio": DecoderOfHoles(), "speech": CountedSpeech(SCRIPT)}
