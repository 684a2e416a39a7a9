"""Which voice said each word, on windows that are made up."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.adapters.local.speech.diarization import (
    AFTER_BOTH,
    AFTER_PAUSE,
    AFTER_SENTENCE,
    WITHIN,
    best_path,
    penalty,
    probabilities,
    voiced,
)
from therapy.adapters.local.speech.speaker_encoder import SIZE
from therapy.adapters.local.speech.voice_windows import VoiceWindows, window_spans
from therapy.domain.transcript import UNSURE_BELOW, Word

VOICES = np.eye(6, SIZE, dtype=np.float32)


def conversation(turns: str, *, scatter: float = 0.03) -> tuple[VoiceWindows, list[Word], str]:
    """Turns of 3 s by the voices that `turns` names ("0", "1", …): windows, ten words each, whose each is."""
    random = np.random.default_rng(1)
    spans, points, words = [], [], []
    for number, voice in enumerate(turns):
        for first, last in window_spans(number * 300, number * 300 + 280):
            spans.append((first * 10, last * 10))
            point = VOICES[int(voice)] + random.standard_normal(SIZE) * scatter
            points.append(point / np.linalg.norm(point))
        start = number * 3000
        words += [
            Word("word" if place < 9 else "word.", start + place * 280, start + place * 280 + 250)
            for place in range(10)
        ]
    windows = VoiceWindows(np.array(spans), np.array(points, dtype=np.float32))
    return windows, words, "".join(voice * 10 for voice in turns)


def voices_of(words: list[Word], windows: VoiceWindows, people: int = 0) -> str:
    return "".join(each.voice for each in voiced(words, windows, people))


@pytest.mark.parametrize("turns", ["0", "0000", "0101", "012012", "01231230", "0123450123"])
def test_every_word_gets_its_voice_and_is_sure(turns):
    windows, words, whose = conversation(turns)
    assert voices_of(words, windows) == whose
    assert min(each.voice_confidence for each in voiced(words, windows)) > UNSURE_BELOW


@given(st.permutations("012"))
def test_voices_are_numbered_in_the_order_of_speaking(names):
    first, second, third = names
    windows, words, _ = conversation(first + second + first + third + second + third)
    assert voices_of(words, windows)[::10] == "010212"


@pytest.mark.parametrize("people", [1, 2, 3])
def test_a_given_number_of_people_is_the_number_of_voices(people):
    windows, words, _ = conversation("012012")
    assert set(voices_of(words, windows, people)) == set("012"[:people])


def test_a_word_that_sounds_like_nobody_is_unsure():
    windows, words, _ = conversation("01010")
    strange = windows.embeddings[:-3].copy()  # of the last turn one window is left
    strange[-1] = VOICES[5]
    found = voiced(words, VoiceWindows(windows.spans_ms[:-3], strange), 2)
    sure = [each.voice_confidence for each in found]
    assert min(sure[:40]) > UNSURE_BELOW
    assert max(sure[40:45]) < UNSURE_BELOW


def test_a_word_far_from_all_speech_is_unsure():
    windows, _, _ = conversation("0101")
    (found,) = voiced([Word("word", 500_000, 500_300)], windows)
    assert found.voice_confidence == 0.0


def test_without_speech_no_word_has_a_voice():
    nothing = VoiceWindows.concatenated([])
    assert [each.voice for each in voiced([Word("word", 0, 300)], nothing)] == [""]
    assert voiced([], nothing) == []


@pytest.mark.parametrize(
    ("text", "pause_ms", "cost"),
    [
        ("word.", 300, AFTER_BOTH),
        ("word?", 0, AFTER_SENTENCE),
        ("word", 300, AFTER_PAUSE),
        ("word,", 249, WITHIN),
    ],
)
def test_another_voice_costs_least_after_a_sentence_and_a_pause(text, pause_ms, cost):
    assert penalty(Word(text, 0, 100), Word("next", 100 + pause_ms, 900)) == cost
    assert AFTER_BOTH < AFTER_SENTENCE < AFTER_PAUSE < WITHIN


SCORES = st.integers(1, 3).flatmap(
    lambda voices: st.lists(
        st.lists(st.floats(-5, 5), min_size=voices, max_size=voices), min_size=1, max_size=5
    )
)
COSTS = st.lists(st.sampled_from([0.3, 0.5, 1.0, 3.0]), min_size=4, max_size=4)


def ways(scores, costs):
    """Every way to give words their voices, and what it is worth."""
    for path in product(range(scores.shape[1]), repeat=len(scores)):
        changes = [cost for (a, b), cost in zip(pairwise(path), costs, strict=True) if a != b]
        yield path, sum(scores[place, voice] for place, voice in enumerate(path)) - sum(changes)


@given(SCORES, COSTS)
def test_the_best_path_is_the_best_of_all_ways(scores, costs):
    scores, costs = np.array(scores), costs[: len(scores) - 1]
    worth = dict(ways(scores, costs))
    assert worth[tuple(best_path(scores, costs))] == pytest.approx(max(worth.values()))


@given(SCORES, COSTS)
def test_the_probability_of_a_voice_is_its_share_of_all_ways(scores, costs):
    scores, costs = np.array(scores), costs[: len(scores) - 1]
    shares = np.zeros_like(scores)
    for path, worth in ways(scores, costs):
        shares[np.arange(len(path)), path] += np.exp(worth)
    shares /= shares.sum(axis=1, keepdims=True)
    assert probabilities(scores, costs) == pytest.approx(shares)


def test_one_doubtful_word_in_a_sentence_goes_with_the_others():
    scores = np.array([[2.0, 0.0]] * 5)
    scores[2] = [0.0, 2.0]
    assert best_path(scores, [3.0] * 4) == [0] * 5
    assert best_path(scores, [0.3] * 4) == [0, 0, 1, 0, 0]
