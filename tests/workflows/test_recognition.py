"""From a recording to utterances with voices: what the decoder found about the channels counts."""

from collections.abc import AsyncIterator

from tests.builders import NOW
from therapy.adapters.memory.audio import MemoryAudioDecoder
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.audio_findings import AudioFindings
from therapy.domain.transcript import VoicedWord, Word, join_words
from therapy.ports.speech import SpeechOptions
from therapy.workflows.recognition import recognise

SOUND = b"RIFF" + bytes(40) + b"\1\0" * 32_000
FIRST, SECOND = "How are you today?", "I did not sleep."
LOUD, QUIET = bytes([200] * 10), bytes([60] * 10)
"""A second of speech, and of the other one's speech from far."""


class DecoderOfChannels(MemoryAudioDecoder):
    """Reports the loudness of two channels, as the decoder of real recordings does."""

    def __init__(self, *levels: bytes) -> None:
        self.levels = levels

    async def decode(self, practice_id, read, size, *, longest_ms, on_end) -> AsyncIterator[bytes]:
        async for chunk in super().decode(practice_id, read, size):
            yield chunk
        on_end(AudioFindings(duration_ms=2_000, levels=self.levels))


def said_by_one_voice():
    """Two sentences that the engine took for one person's."""
    words = [
        VoicedWord(Word(text, start, start + 200), "0")
        for second, sentence in enumerate((FIRST, SECOND))
        for start, text in enumerate(sentence.split())
        for start in [second * 1_000 + start * 220]
    ]
    return join_words(words)


async def recognised(*levels: bytes):
    async def read(start: int, end: int) -> bytes:
        return SOUND[start:end]

    version = await recognise(
        "p",
        read,
        len(SOUND),
        SpeechOptions(),
        at=NOW,
        audio=DecoderOfChannels(*levels),
        speech=MemorySpeech(said_by_one_voice()),
    )
    return [(each.voice, each.text) for each in version.utterances]


async def test_where_each_speaker_has_a_channel_the_channels_are_the_voices():
    found = await recognised(LOUD + QUIET, QUIET + LOUD)
    assert found == [("0", FIRST), ("1", SECOND)]


async def test_without_channels_the_voices_are_the_engines():
    assert await recognised() == [("0", f"{FIRST} {SECOND}")]
