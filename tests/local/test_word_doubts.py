"""What the decoder says of its own words: guesses are flagged, loops cut, and no word takes no time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.adapters.local.speech.whisper import Line, Window
from therapy.adapters.local.speech.word_doubts import (
    SHORTEST_MS,
    WORDS_A_SECOND,
    loop_words,
    mostly_doubtful,
    spread,
)
from therapy.adapters.local.speech.word_doubts import (
    judged as judged_in,
)
from therapy.domain.transcript import GUESS, LOOP, NO_SPEECH_LIKELY, OTHER_LANGUAGE, Word

TALK = "we talked about the garden and then she went home"


def line(text: str, at: int = 0, *, each_ms: int = 300, sure: float = 0.9) -> Line:
    """Words one after another from `at` (ms)."""
    return tuple(
        Word(word, at + place * each_ms, at + (place + 1) * each_ms, sure)
        for place, word in enumerate(text.split())
    )


def judged(windows, **how):
    """Judge windows in which speech was detected all the time."""
    return judged_in(windows, [(0, 60_000)], **how)


def window(
    *lines: Line, likely: float = -0.3, compression: float = 1.5, no_speech: float = 0.1
) -> Window:
    return Window(lines, likely, compression, no_speech)


def flags(found) -> set[str]:
    return {flag for each in found for flag in each.flags}


@pytest.mark.parametrize(
    ("likely", "sure", "no_speech"),
    [
        (-0.14, 0.97, 0.08),  # a quiet room
        (-0.20, 0.80, 0.15),  # far from the microphone
        (-0.54, 0.66, 0.20),  # further, with echoes and noise
        (-0.75, 0.66, 0.10),
        (-0.65, 0.67, 0.30),  # AMR at 4.75 kbit/s
        (-0.34, 0.83, 0.43),  # counted breaths
        (-0.37, 0.72, 0.53),
    ],
)
def test_real_talk_is_not_doubted(likely, sure, no_speech):
    found = judged([window(line(TALK, sure=sure), likely=likely, no_speech=no_speech)])
    assert flags(found) == set()
    assert not mostly_doubtful(found)


@pytest.mark.parametrize(
    ("likely", "sure"),
    [
        (-2.63, 0.02),  # Spanish
        (-1.67, 0.46),  # Arabic
        (-1.30, 0.34),  # Hebrew
        (-0.90, 0.42),  # reversed speech
        (-0.83, 0.41),
        (-1.71, 0.60),  # Spanish, decoded with a penalty for repeating
        (-0.83, 0.54),
    ],
)
def test_other_languages_and_nonsense_are_guesses(likely, sure):
    found = judged([window(line(TALK, sure=sure), likely=likely)])
    assert {each.flags for each in found} == {(GUESS,)}
    assert mostly_doubtful(found)


def test_an_unlikely_line_is_a_guess_among_good_ones():
    found = judged([window(line(TALK), line("blah de blah", 4_000, sure=0.2))])
    assert [each.flags for each in found] == [()] * 10 + [(GUESS,)] * 3
    assert not mostly_doubtful(found)


def test_a_single_unlikely_word_is_no_guess():
    found = judged([window(line("So.", sure=0.1), likely=-1.2)])
    assert flags(found) == set()


def test_unlikely_words_where_nobody_seems_to_speak_are_marked_so():
    unlikely = window(line(TALK, sure=0.4), likely=-1.1, no_speech=0.8)
    assert {each.flags for each in judged_in([unlikely], [])} == {(NO_SPEECH_LIKELY,)}
    assert {each.flags for each in judged_in([unlikely], [(0, 900)])} == {(NO_SPEECH_LIKELY,)}
    assert {each.flags for each in judged([unlikely])} == {(GUESS,)}


def test_words_of_another_language_are_marked_so_however_sure_they_are():
    found = judged([window(line(TALK))], other_language=True)
    assert {each.flags for each in found} == {(OTHER_LANGUAGE,)}


def test_a_loop_without_time_is_cut_and_what_is_left_of_it_marked():
    real = line("I am safe now " * 5, each_ms=250)
    never = line("I am safe now " * 30, 5_000, each_ms=0)
    looped = window(line("Let us begin", 0), real, never, compression=18)
    found = judged([looped])
    assert loop_words([looped]) == 120
    assert len(found) == 3 + 20
    assert [each.flags for each in found] == [()] * 3 + [(LOOP,)] * 20


def test_a_loop_of_95_words_in_80_ms_is_cut():
    never = tuple(Word("yes", 9_000 + place, 9_001 + place, 0.95) for place in range(80))
    found = judged([window(line(TALK), never, compression=12)])
    assert " ".join(each.word.text for each in found) == TALK
    assert flags(found) == set()


def test_what_is_really_said_again_and_again_stays():
    breaths = window(line("breathe in two three four " * 8, each_ms=400), compression=4.6)
    found = judged([breaths])
    assert len(found) == 40
    assert flags(found) == set()
    assert loop_words([breaths]) == 0


def test_many_words_in_no_time_are_marked_even_if_none_comes_back():
    crowd = tuple(Word(f"word{place}", 1_000, 1_000, 0.9) for place in range(12))
    found = judged([window(crowd)])
    assert {each.flags for each in found} == {(LOOP,)}


def test_no_words_are_not_doubtful():
    assert judged([]) == ()
    assert not mostly_doubtful(())


times = st.integers(0, 40_000)


@given(st.lists(st.tuples(times, st.integers(0, 2_000)), max_size=60))
def test_spread_words_are_in_order_and_none_is_faster_than_anyone_speaks(spans):
    words = [Word("a", start, start + length) for start, length in sorted(spans)]
    found = spread(words)
    assert len(found) == len(words)
    for word, moved in zip(words, found, strict=True):
        assert moved.text == word.text
        assert moved.end_ms - moved.start_ms >= min(SHORTEST_MS, moved.end_ms)
    for one, other in pairwise(found):
        assert one.start_ms <= other.start_ms
    assert 1000 // SHORTEST_MS <= WORDS_A_SECOND


@given(st.lists(st.tuples(times, st.integers(100, 500)), max_size=30))
def test_words_that_take_their_time_stay_where_they_are(spans):
    words, now = [], 0
    for pause, length in spans:
        words.append(Word("a", now + pause, now + pause + length))
        now += pause + length
    assert spread(words) == words


texts = st.lists(st.sampled_from(["yes", "no", "I", "am", "safe", "calm"]), max_size=40)


@given(texts, st.integers(0, 400), st.floats(0.5, 30), st.floats(-3, 0))
def test_no_line_has_more_words_than_anyone_can_say(said, each_ms, compression, likely):
    found = judged(
        [
            window(
                line(" ".join(said), 5_000, each_ms=each_ms), likely=likely, compression=compression
            )
        ]
    )
    if found:
        took = max(each.word.end_ms for each in found) - found[0].word.start_ms
        assert took * WORDS_A_SECOND >= 1000 * len(found)
    assert len(found) <= len(said)


def test_one_unsure_word_is_a_guess_only_if_it_takes_long():
    assert flags(judged([window(line("mm", each_ms=400, sure=0.1))])) == set()
    assert flags(judged([window(line("mm", each_ms=4_000, sure=0.1))])) == {GUESS}


def test_a_loop_within_a_word_is_cut_and_flagged():
    (found,) = judged([window(line("te" + "-t" * 200))])
    assert found.word.text == "te-t-t-t"
    assert found.flags == (LOOP,)


def test_a_long_word_that_repeats_little_stays_as_it_is():
    (found,) = judged([window(line("n-n-n-n-never"))])
    assert (found.word.text, found.flags) == ("n-n-n-n-never", ())


def test_an_unsure_line_is_a_guess_sooner_among_sure_ones():
    unsure, sure = line("the law should be done", 6_000, sure=0.35), line(TALK, sure=0.95)
    assert [GUESS in each.flags for each in judged([window(sure, unsure)])] == [False] * 10 + [
        True
    ] * 5
    assert flags(judged([window(line(TALK, sure=0.7), unsure)])) == set()
