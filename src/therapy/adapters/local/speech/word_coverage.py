"""Which speech has no words: what the voice activity network found, against what was recognised.

Whisper stops early now and then, about once in an hour, and a minute may be lost without a trace. So speech
without words is decoded again, and what stays without is counted.
"""

from collections.abc import Iterable, Sequence

from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.domain.transcript import Coverage, Word
from therapy.ports.audio import SAMPLE_RATE

AROUND_MS = 300
"""A word covers so much before and after it, too: its times are not exact."""

NONE = Coverage(0, 0, 0)

Spans = list[tuple[int, int]]


def spans_ms(segment: SpeechSegment) -> Spans:
    """Return the stretches of speech in a segment, in ms from the start of the recording."""
    per_ms = SAMPLE_RATE // 1000
    return [
        ((segment.start + first) // per_ms, (segment.start + last) // per_ms)
        for first, last in segment.spans
    ]


def without_words(spans: Iterable[tuple[int, int]], words: Sequence[Word]) -> Spans:
    """Return the stretches of speech, in time order, that no word covers."""
    covered = sorted((each.start_ms - AROUND_MS, each.end_ms + AROUND_MS) for each in words)
    found = []
    for start, end in spans:
        at = start
        for first, last in covered:
            if first >= end:
                break
            if first > at:
                found.append((at, first))
            at = max(at, last)
        if at < end:
            found.append((at, end))
    return found


def longest(stretches: Spans) -> tuple[int, int]:
    """Return the longest of some stretches; (0, 0) if there are none."""
    return max(stretches, key=lambda each: each[1] - each[0], default=(0, 0))


def covered(segment: SpeechSegment, words: Sequence[Word]) -> Coverage:
    """Return how much of a segment's speech has words."""
    spans = spans_ms(segment)
    gaps = without_words(spans, words)
    start, end = longest(gaps)
    return Coverage(_total(spans), _total(gaps), end - start)


def added(one: Coverage, other: Coverage) -> Coverage:
    """Return the coverage of both together."""
    return Coverage(
        one.speech_ms + other.speech_ms,
        one.without_words_ms + other.without_words_ms,
        max(one.longest_ms, other.longest_ms),
    )


def _total(stretches: Spans) -> int:
    return sum(end - start for start, end in stretches)
