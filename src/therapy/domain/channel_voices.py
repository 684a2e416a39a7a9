"""Voices by channels: where each speaker has a channel, the louder channel says whose a word is.

That is surer than any comparison of voices.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from therapy.domain.audio_findings import LEVEL_MS
from therapy.domain.transcript import Utterance, VoicedWord, join_words

SURE_STEPS = 16
"""A channel that is 6 dB louder (steps of 0.375 dB) is certainly the speaker's."""

CLEAR = 0.5
"""Less sure than this, the words before decide."""

Levels = Sequence[bytes]
Sides = tuple[int, float]
"""A channel, and how sure it is (0..1) that the speaker is on it."""


def with_channel_voices(
    utterances: Sequence[Utterance], levels: Levels, *, people: int = 0
) -> tuple[Utterance, ...]:
    """Return the utterances with the channels as voices; the channel that speaks first is "0".

    Utterances, in order of their start, are joined again from their words; one whose text is not that of its
    words keeps it and gets the voice of its whole time. Nothing changes without two channels, or if more
    people speak (0 = not known) than there are channels.
    """
    sounding = sum(any(channel) for channel in levels)
    if sounding < 2 or people > sounding:
        return tuple(utterances)
    spans = [span for each in utterances for span in _spans(each)]
    sides = iter(_sides([_loudness(levels, *span) for span in spans]))
    return tuple(_rebuilt(utterances, sides))


def _spans(utterance: Utterance) -> list[tuple[int, int]]:
    if _is_its_words(utterance):
        return [(each.start_ms, each.end_ms) for each in utterance.words]
    return [(utterance.start_ms, utterance.end_ms)]


def _is_its_words(utterance: Utterance) -> bool:
    words = " ".join(each.text for each in utterance.words)
    return bool(utterance.words) and utterance.text == " ".join(words.split())


def _loudness(levels: Levels, start_ms: int, end_ms: int) -> list[float]:
    """Return the mean level of each channel over a span; at least one level counts, 0 beyond the end."""
    first, last = start_ms // LEVEL_MS, max(start_ms, end_ms - 1) // LEVEL_MS + 1
    return [sum(channel[first:last]) / (last - first) for channel in levels]


def _sides(loudness: Sequence[Sequence[float]]) -> list[Sides]:
    """Return the channel of each span; an unclear one goes with the last clear one, or the first."""
    sides = [_side(each) for each in loudness]
    last = next((channel for channel, sure in sides if sure >= CLEAR), 0)
    found = []
    for channel, sure in sides:
        last = channel if sure >= CLEAR else last
        found.append((last, round(sure, 3)))
    return found


def _side(loudness: Sequence[float]) -> Sides:
    loudest = max(range(len(loudness)), key=lambda channel: loudness[channel])
    rest = max(level for channel, level in enumerate(loudness) if channel != loudest)
    return loudest, min(1.0, (loudness[loudest] - rest) / SURE_STEPS)


def _rebuilt(utterances: Iterable[Utterance], sides: Iterator[Sides]) -> Iterator[Utterance]:
    names: dict[int, str] = {}
    waiting: list[VoicedWord] = []
    for each in utterances:
        if _is_its_words(each):
            for word in each.words:
                channel, sure = next(sides)
                voice = names.setdefault(channel, str(len(names)))
                waiting.append(VoicedWord(word, voice, sure, each.flags))
            continue
        yield from join_words(waiting)
        waiting = []
        channel, sure = next(sides)
        yield replace(each, voice=names.setdefault(channel, str(len(names))), confidence=sure)
    yield from join_words(waiting)
