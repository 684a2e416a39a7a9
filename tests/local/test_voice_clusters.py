"""How many voices there are, on embeddings that are made up: unit vectors around some directions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.adapters.local.speech.speaker_encoder import SIZE
from therapy.adapters.local.speech.voice_clusters import MOST, nearest, voice_centres

SEEDS = st.integers(0, 10_000)
PEOPLE = st.integers(1, MOST)
IN_A_ROOM = 0.045
"""The deviation in each direction for which a window's cosine to its voice is about 0.84, as measured."""


def spoken(people: int, seed: int, *, windows: int = 20, scatter: float = IN_A_ROOM):
    """Windows of so many people in turn, `windows` of each, and whose each is."""
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((SIZE, people)))[0].T
    whose = np.repeat(np.arange(people), windows)
    points = voices[whose] + random.standard_normal((len(whose), SIZE)) * scatter
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32), whose


def even(points) -> np.ndarray:
    return np.ones(len(points), dtype=np.float32)


def pairs(labels) -> np.ndarray:
    """Which two windows are of one voice: the same however the voices are numbered."""
    return labels[:, None] == labels[None]


@given(PEOPLE, SEEDS)
def test_people_who_sound_different_are_counted_and_told_apart(people, seed):
    points, whose = spoken(people, seed)
    centres = voice_centres(points, even(points))
    assert len(centres) == people
    assert (pairs(nearest(points, centres)) == pairs(whose)).all()


@given(SEEDS, st.integers(1, 300), st.floats(0.01, 0.06))
def test_one_voice_stays_one_however_long_it_speaks(seed, windows, scatter):
    points, _ = spoken(1, seed, windows=windows, scatter=scatter)
    assert len(voice_centres(points, even(points))) == 1


@given(PEOPLE, PEOPLE, SEEDS)
def test_the_number_that_is_given_is_the_number_found(people, given_number, seed):
    points, _ = spoken(people, seed)
    assert len(voice_centres(points, even(points), given_number)) == given_number


@given(st.integers(1, 4), PEOPLE)
def test_no_more_voices_are_found_than_there_are_windows(windows, given_number):
    points, _ = spoken(1, windows, windows=windows)
    assert len(voice_centres(points, even(points), given_number)) <= windows


@given(PEOPLE, SEEDS, st.integers(0, 10_000))
def test_the_order_of_the_windows_does_not_count(people, seed, other):
    points, whose = spoken(people, seed)
    order = np.random.default_rng(other).permutation(len(points))
    labels = nearest(points[order], voice_centres(points[order], even(points)))
    assert (pairs(labels) == pairs(whose[order])).all()


@given(st.integers(2, MOST), SEEDS)
def test_a_short_noise_is_nobody(people, seed):
    points, _ = spoken(people, seed)
    random = np.random.default_rng(seed + 1)
    noise = random.standard_normal((1, SIZE)).astype(np.float32)
    points = np.concatenate([points, noise / np.linalg.norm(noise)])
    assert len(voice_centres(points, even(points))) == people


@given(SEEDS)
def test_a_channel_that_changes_splits_a_voice_unless_the_number_is_given(seed):
    points, whose = spoken(4, seed)  # two people before and after the change, as if they were four
    changed = points.copy()
    changed[whose >= 2] += 0.7 * points[whose < 2]
    changed /= np.linalg.norm(changed, axis=1, keepdims=True)
    assert len(voice_centres(changed, even(changed))) == 4
    centres = voice_centres(changed, even(changed), 2)
    assert (pairs(nearest(changed, centres)) == pairs(whose % 2)).all()


@pytest.mark.parametrize("people", [0, 2])
def test_without_windows_there_is_no_voice(people):
    nothing = np.empty((0, SIZE), dtype=np.float32)
    assert voice_centres(nothing, even(nothing), people).shape == (0, SIZE)
