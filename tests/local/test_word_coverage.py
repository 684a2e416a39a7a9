"""Which speech has no words, and how a gap is filled."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from therapy.adapters.local.speech.segment_words import merged
from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.adapters.local.speech.word_coverage import (
    AROUND_MS,
    added,
    covered,
    longest,
    without_words,
)
from therapy.adapters.local.speech.word_doubts import DoubtedWord
from therapy.domain.transcript import Coverage, Word

RATE = 16_000


def segment(*spans: tuple[float, float], start: float = 0, seconds: float = 30) -> SpeechSegment:
    """A segment whose speech is at these seconds of the recording."""
    return SpeechSegment(
        int(start * RATE),
        np.zeros(int(seconds * RATE), dtype=np.float32),
        [(int((first - start) * RATE), int((last - start) * RATE)) for first, last in spans],
    )


def test_speech_between_words_that_are_far_apart_has_none():
    words = [Word("before", 1_000, 2_000), Word("after", 8_000, 9_000)]
    assert without_words([(1_000, 9_000)], words) == [(2_300, 7_700)]


def test_words_that_are_near_cover_the_speech_between_them():
    words = [Word("before", 1_000, 2_000), Word("after", 2_500, 9_000)]
    assert without_words([(1_000, 9_000)], words) == []


def test_silence_needs_no_words():
    assert without_words([], []) == []
    assert longest([]) == (0, 0)


def test_coverage_counts_speech_and_what_has_no_words():
    found = covered(segment((100, 104), (110, 120), start=98), [Word("one", 100_000, 104_000)])
    assert found == Coverage(speech_ms=14_000, without_words_ms=10_000, longest_ms=10_000)
    assert added(found, Coverage(1_000, 500, 500)) == Coverage(15_000, 10_500, 10_000)


spans = st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 5_000)), max_size=8).map(
    lambda found: sorted((start, start + length) for start, length in found)
)


@given(spans, spans)
def test_every_moment_of_speech_is_covered_or_counted(speech, spoken):
    words = [Word("a", start, end) for start, end in spoken]
    gaps = without_words(speech, words)
    for at in range(0, 66_000, 97):
        in_speech = any(start <= at < end for start, end in speech)
        near = any(each.start_ms - AROUND_MS <= at < each.end_ms + AROUND_MS for each in words)
        assert any(start <= at < end for start, end in gaps) == (in_speech and not near)


def doubted(text: str, start: int, end: int) -> DoubtedWord:
    return DoubtedWord(Word(text, start, end))


def test_words_of_a_gap_come_between_those_around_it():
    found = [doubted("before", 0, 1_000), doubted("after", 9_000, 9_500)]
    alone = [
        doubted("ore", 900, 950),
        doubted("one", 2_000, 3_000),
        doubted("two", 8_500, 9_200),
        doubted("after", 9_000, 9_500),
    ]
    together = merged(found, alone, (1_300, 8_700))
    assert [each.word.text for each in together] == ["before", "one", "two", "after"]
    assert together[2].word.end_ms == 9_000


def test_words_at_the_end_of_a_segment_are_added_too():
    together = merged([doubted("before", 0, 1_000)], [doubted("one", 2_000, 3_000)], (1_300, 8_000))
    assert [each.word.text for each in together] == ["before", "one"]
