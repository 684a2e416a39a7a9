"""Cutting at pauses while the samples arrive."""

from itertools import pairwise

import numpy as np
import pytest

from tests import media
from therapy.adapters.local.speech.speech_segments import Segmenter

pytestmark = pytest.mark.slow  # the whole demo is decoded

RATE = 16_000


def pieces(samples: bytes, chunk: int = 1 << 17):
    cutter = Segmenter()
    found = []
    for at in range(0, len(samples), chunk):
        found += cutter.take(samples[at : at + chunk])
    found += cutter.finish()
    assert cutter.taken == len(samples) // 2
    return found


@pytest.fixture(scope="module")
def demo_pieces():
    return pieces(media.demo_pcm())


def silence(seconds: float) -> bytes:
    return bytes(int(seconds * RATE) * 2)


def test_pieces_fit_the_recognisers_window_and_hold_all_speech(demo_pieces):
    assert all(len(each.samples) <= 30 * RATE for each in demo_pieces)
    assert all(one.end <= other.start for one, other in pairwise(demo_pieces))
    spans = [(each.start + a, each.start + b) for each in demo_pieces for a, b in each.spans]
    for _, start, end in media.demo_spans():
        heard = sum(max(0, min(b, end * RATE) - max(a, start * RATE)) for a, b in spans)
        assert heard > 0.6 * (end - start) * RATE


def test_cuts_lie_in_pauses(demo_pieces):
    for one, other in pairwise(demo_pieces):
        assert other.start + other.spans[0][0] - (one.start + one.spans[-1][1]) >= 0.2 * RATE


def test_a_short_pause_between_pieces_belongs_to_the_first_of_them():
    speech = media.excerpt(0, 14.5)
    found = pieces(speech + silence(3) + speech + silence(1))
    assert len(found) == 2
    assert found[0].end == found[1].start
    assert found[1].end == len(speech + silence(3) + speech + silence(1)) // 2


def test_what_follows_a_longer_silence_begins_shortly_before_its_speech():
    speech = media.excerpt(0, 14.5)
    first, second = pieces(speech + silence(8) + speech)
    assert second.start - first.end > 6 * RATE
    assert second.spans[0][0] <= 0.3 * RATE


def test_the_size_of_the_chunks_changes_nothing():
    samples = media.excerpt(0, 32)
    large, small = pieces(samples), pieces(samples, 1_001 * 2)
    assert [(each.start, each.spans) for each in large] == [
        (each.start, each.spans) for each in small
    ]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(large, small, strict=True))


def test_speech_without_any_pause_is_cut_all_the_same():
    breathless = media.excerpt(59.0, 67.7) * 8
    found = pieces(breathless)
    assert max(len(each.samples) for each in found) <= 30 * RATE
    assert sum(b - a for each in found for a, b in each.spans) > 0.9 * len(breathless) / 2


def test_silence_and_too_little_give_no_piece():
    assert pieces(silence(30)) == []
    assert pieces(silence(0.01)) == []
    assert pieces(b"") == []


def test_long_silence_parts_pieces_and_belongs_to_none():
    found = pieces(media.excerpt(0, 6.6) + silence(20) + media.excerpt(7, 14.5))
    assert len(found) == 2
    assert found[0].end < 7.5 * RATE
    assert found[1].start > 26 * RATE


def test_long_silence_is_not_kept():
    cutter = Segmenter()
    for _ in range(10):
        list(cutter.take(silence(4)))
        assert len(cutter._kept) < RATE
