"""Of several tracks, the first with sound is chosen; one that can't be decoded is passed over."""

import math
from array import array
from functools import cache

import pytest

from tests import media
from tests.audio.decoding import decoded_here

pytestmark = pytest.mark.slow  # each starts a decoder

RATE = 48_000
PITCHES_HZ = 220, 277, 330
CONTAINERS = {"mp4": "aac", "matroska": "libopus", "mpegts": "aac", "mov": "pcm_s16le"}


def likeness(first: bytes, second: bytes) -> float:
    """How alike the loudness of two recordings is, in tenths of a second."""
    ones, others = loudness(first), loudness(second)
    pairs = list(zip(ones, others, strict=False))
    both = sum(one * other for one, other in pairs)
    scale = (sum(one * one for one, _ in pairs) * sum(other * other for _, other in pairs)) ** 0.5
    return both / scale if scale else 0.0


def loudness(samples: bytes) -> list[float]:
    values = array("h", samples)
    return [sum(map(abs, values[at : at + 1_600])) for at in range(0, len(values), 1_600)]


SILENT, SPOKEN, OTHER = None, (0, 6), (20, 26)
"""What is in a track: nothing, or these seconds of the demo."""


def track(seconds: tuple[float, float] | None) -> bytes:
    return media.excerpt(*seconds, RATE) if seconds else bytes(2 * RATE * 6)


@cache
def chord(seconds: int) -> bytes:
    """A steady chord: all its waves begin again with each second."""
    second = array("h", bytes(2 * RATE))
    for at in range(RATE):
        waves = (math.sin(at * pitch * math.tau / RATE) for pitch in PITCHES_HZ)
        second[at] = round(3_000 * sum(waves))
    return second.tobytes() * seconds


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        ((SILENT, SPOKEN), SPOKEN),
        ((SPOKEN, SILENT), SPOKEN),
        ((SPOKEN, OTHER), SPOKEN),
        ((OTHER, SPOKEN), OTHER),
        ((SILENT, SILENT, OTHER), OTHER),
    ],
    ids=["silent first", "silent second", "two", "two others", "silent, silent, one"],
)
def test_the_first_track_with_sound_is_chosen(container, tracks, expected):
    data = media.with_tracks(container, CONTAINERS[container], *map(track, tracks))
    samples, found = decoded_here(data)
    assert found.remarks == ("several_tracks",)
    assert not found.missing
    assert likeness(samples, media.excerpt(*expected)) > 0.97


@pytest.mark.parametrize("container", CONTAINERS)
def test_speech_is_preferred_to_music(container):
    data = media.with_tracks(container, CONTAINERS[container], chord(6), track(SPOKEN))
    samples, _ = decoded_here(data)
    assert likeness(samples, media.excerpt(0, 6)) > 0.97


def test_sound_that_comes_late_is_found_too():
    late = bytes(2 * RATE * 15) + track(SPOKEN)
    samples, found = decoded_here(media.with_tracks("matroska", "libopus", bytes(len(late)), late))
    assert any(samples[-32_000 * 5 :])
    assert found.duration_ms == pytest.approx(21_000, abs=50)


def test_a_track_without_a_decoder_is_no_second_recording():
    _, found = decoded_here(media.case("apac_first.mp4"))
    assert found.remarks == ()
