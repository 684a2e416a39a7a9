"""The words of a segment: decoded, and where that went wrong decoded again in other ways.

A window that ran into a loop is decoded once more with a penalty for repeating; a segment that is hard to
understand, or has speech without words, with five ways of going on; what still has no words, by itself.
Nothing here draws random numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace as changed

from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.adapters.local.speech.whisper import Decoding, Whisper, Window
from therapy.adapters.local.speech.whisper_weights import primary
from therapy.adapters.local.speech.word_coverage import (
    Spans,
    covered,
    regions,
    spans_ms,
    total,
    without_words,
)
from therapy.adapters.local.speech.word_doubts import (
    UNLIKELY,
    DoubtedWord,
    judged,
    loop_words,
    mostly_doubtful,
    plausible,
)
from therapy.domain.transcript import GUESS, NO_SPEECH_LIKELY, Coverage, Word
from therapy.ports.audio import SAMPLE_RATE

LOST_MS = 1_200
"""Speech for longer than this without a word is decoded again."""

BETTER_MS = 500
"""Other words must cover so much more to be taken."""

LOOPING_WORDS = 3
"""So many words of a loop make it worth decoding again."""

HARD = -0.5
"""Less likely speech, e.g. from far away, is worth five ways of going on, too."""

AGAIN = Decoding(beam=5)
USUAL = {"he": Decoding(beam=10, penalty=1.05)}
"""How the multilingual model decodes languages, by its names, if not as `AGAIN`: of 50 words of Hebrew it
gets 3 more right so. The English model gains nothing from more than one way of going on."""

SHUNNING = Decoding(penalty=1.1)
"""A greater penalty also suppresses what is really said again."""

MOST_REGIONS = 3
"""So many stretches of a segment without words are decoded by themselves."""

MARGIN_MS = 300
"""Heard around a stretch that is decoded by itself."""

CLEARLY_OTHER, HARDLY_ASKED = 0.5, 0.1
"""Another language is spoken if it is at least so probable, and those asked for at most so."""

ENOUGH_MS = 3_000
"""With less speech than this, the language can't be told."""


@dataclass(frozen=True)
class SegmentWords:
    """What was said in a segment, how much of its speech has words, and in which language it was.

    `language` is the tag that was asked for; `other` is Whisper's name of one that was not ("" = none).
    """

    words: tuple[DoubtedWord, ...]
    coverage: Coverage
    language: str
    other: str = ""


def segment_words(
    whisper: Whisper, segment: SpeechSegment, languages: Sequence[str]
) -> SegmentWords:
    """Return the words of a segment, in the likeliest of the languages (BCP 47 tags)."""
    language, other = spoken_language(whisper, segment, languages)
    name = other or primary(language)
    how = usual(name, multilingual=whisper.multilingual)
    windows = _without_loop(whisper, segment, name, how)
    if how.beam < AGAIN.beam and UNLIKELY < likelihood(windows) < HARD and not loop_words(windows):
        how = AGAIN
        windows = max(windows, _without_loop(whisper, segment, name, how), key=likelihood)
    found = judged(windows, spans_ms(segment), other_language=bool(other))
    if not mostly_doubtful(found):
        found = _complete(whisper, segment, name, found, as_whole=how != AGAIN)
    return SegmentWords(found, covered(segment, _words(found)), language, other)


def likelihood(windows: Sequence[Window]) -> float:
    """Return the mean log probability of the words' windows; 0 without words."""
    words = sum(len(each.words) for each in windows)
    return sum(len(each.words) * each.log_probability for each in windows) / max(1, words)


def usual(name: str, *, multilingual: bool) -> Decoding:
    """Return how a language is decoded first, by Whisper's name of it."""
    return USUAL.get(name, AGAIN) if multilingual else Decoding()


def spoken_language(
    whisper: Whisper, segment: SpeechSegment, languages: Sequence[str]
) -> tuple[str, str]:
    """Return the likeliest of the tags, and Whisper's name of another language if that is spoken instead."""
    if not whisper.multilingual:
        return languages[0], ""
    chances = whisper.chances(segment.samples)
    tag = max(languages, key=lambda each: chances.get(primary(each), 0.0))
    likeliest = max(chances, key=lambda each: chances[each])
    enough = sum(end - start for start, end in spans_ms(segment)) >= ENOUGH_MS
    clear = chances[likeliest] >= CLEARLY_OTHER and chances.get(primary(tag), 0.0) <= HARDLY_ASKED
    return tag, likeliest if enough and clear else ""


def _without_loop(
    whisper: Whisper, segment: SpeechSegment, name: str, how: Decoding
) -> tuple[Window, ...]:
    """Return what is decoded so; if that ran into a loop, with less of it."""
    windows = whisper.windows(segment, name, how)
    if loop_words(windows) < LOOPING_WORDS:
        return windows
    return min(windows, whisper.windows(segment, name, SHUNNING), key=loop_words)


def _complete(
    whisper: Whisper,
    segment: SpeechSegment,
    name: str,
    found: tuple[DoubtedWord, ...],
    *,
    as_whole: bool,
) -> tuple[DoubtedWord, ...]:
    """Return the words, with others if those cover speech that had none."""
    if as_whole and _lost(segment, found):
        other = judged(whisper.windows(segment, name, AGAIN), spans_ms(segment))
        if _doubtful(other) <= _doubtful(found) and _covers_more(segment, other, found):
            found = other
    tried: list[Spans] = []
    while len(tried) < MOST_REGIONS:
        lost = [each for each in _lost(segment, found) if each not in tried]
        if not lost:
            break
        tried.append(region := lost[0])
        gap = region[0][0], region[-1][1]
        alone = _by_itself(whisper, _stretch(segment, gap), name, region)
        other = merged(found, alone, gap)
        silent = any(NO_SPEECH_LIKELY in each.flags for each in alone)
        if not silent and _covers_more(segment, other, found):
            found = other
    return found


def _by_itself(
    whisper: Whisper, stretch: SpeechSegment, name: str, speech: Spans
) -> tuple[DoubtedWord, ...]:
    """Return the words of a stretch; unsure ones are guesses if a beam of 1 gives guesses."""
    found = judged(_without_loop(whisper, stretch, name, AGAIN), speech)
    if plausible(found) or not mostly_doubtful(
        judged(_without_loop(whisper, stretch, name, Decoding()), speech)
    ):
        return found
    return tuple(changed(each, flags=tuple(dict.fromkeys((GUESS, *each.flags)))) for each in found)


def _lost(segment: SpeechSegment, found: Sequence[DoubtedWord]) -> list[Spans]:
    """Return where more than `LOST_MS` of speech have no words, the longest first."""
    words = _words(found)
    lost = regions(without_words(spans_ms(segment), words), words)
    return sorted((each for each in lost if total(each) > LOST_MS), key=total, reverse=True)


def _covers_more(
    segment: SpeechSegment, other: Sequence[DoubtedWord], found: Sequence[DoubtedWord]
) -> bool:
    less = covered(segment, _words(found)).without_words_ms
    return covered(segment, _words(other)).without_words_ms <= less - BETTER_MS


def _doubtful(words: Sequence[DoubtedWord]) -> int:
    return sum(bool(each.flags) for each in words)


def merged(
    found: Sequence[DoubtedWord], alone: Sequence[DoubtedWord], gap: tuple[int, int]
) -> tuple[DoubtedWord, ...]:
    """Return the words with those between that were found in a gap (ms)."""
    middle = (gap[0] + gap[1]) // 2
    before = [each for each in found if each.word.start_ms < middle]
    after = [each for each in found if each.word.start_ms >= middle]
    start = max((each.word.end_ms for each in before), default=0)
    end = min((each.word.start_ms for each in after), default=gap[1] + MARGIN_MS)
    fitting = [
        changed(each, word=changed(each.word, end_ms=min(each.word.end_ms, end)))
        for each in alone
        if start <= each.word.start_ms < end
    ]
    return (*before, *fitting, *after)


def _stretch(segment: SpeechSegment, gap: tuple[int, int]) -> SpeechSegment:
    """Return a part of a segment, from and to these ms, and a little around it."""
    per_ms = SAMPLE_RATE // 1000
    first = max(0, (gap[0] - MARGIN_MS) * per_ms - segment.start)
    last = min(len(segment.samples), (gap[1] + MARGIN_MS) * per_ms - segment.start)
    return SpeechSegment(segment.start + first, segment.samples[first:last], [(0, last - first)])


def _words(found: Sequence[DoubtedWord]) -> list[Word]:
    return [each.word for each in found]
