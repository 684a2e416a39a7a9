"""Sound stands where a player plays it: its time stamps rule, whatever is left out in between.

Each recording is a series of beeps; each beep has to be within 150 ms of its time stamp.
"""

import math
from array import array

import pytest

from tests import media
from tests.audio.decoding import decoded_here
from therapy.domain.audio_findings import AudioFindings

pytestmark = pytest.mark.slow  # each starts a decoder

RATE = 48_000
BEEPS_S = [0.5 + each for each in range(20)]
WITHIN_S = 0.15

CONTAINERS = {
    "webm": ("webm", "libopus"),
    "mka": ("matroska", "aac"),
    "ogg": ("ogg", "libopus"),
    "mp4": ("mp4", "aac"),
    "mkv": ("matroska", "pcm_s16le"),
    "ts": ("mpegts", "aac"),
}


def beeps() -> bytes:
    """20 seconds with a beep of 0.1 s in each."""
    turn = 1_000 * math.tau / RATE
    beep = array("h", (round(9_000 * math.sin(at * turn)) for at in range(RATE // 10)))
    samples = array("h", bytes(2 * 20 * RATE))
    for start in BEEPS_S:
        first = int(start * RATE)
        samples[first : first + len(beep)] = beep
    return samples.tobytes()


def beeps_found(samples: bytes) -> list[float]:
    """Where the beeps begin, in seconds."""
    found: list[float] = []
    loud = array("h", samples)
    for at in range(0, len(loud), 80):
        if max(loud[at : at + 80]) > 3_000 and (not found or at / 16_000 - found[-1] > 0.3):
            found.append(at / 16_000)
    return found


def recording(name: str, moved, tmp_path) -> bytes:
    container, codec = CONTAINERS[name]
    return media.encoded(
        beeps(), container, codec, rate=RATE, moved=moved, file=str(tmp_path / f"x.{container}")
    )


def check(data: bytes, moved) -> AudioFindings:
    """See that each beep stands at its time; return what else was found."""
    samples, findings = decoded_here(data)
    expected = [moved(each) for each in BEEPS_S]
    found = beeps_found(samples)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=WITHIN_S)
    return findings


def gap(at: float) -> float:
    return at if at < 8.2 else at + 7.3


def holes(at: float) -> float:
    return at + sum(0.42 for each in range(2, 20, 3) if at >= each + 0.25)


def late(at: float) -> float:
    return at + 3.2


def drifting(at: float) -> float:
    return at * 1.02


def jittering(at: float) -> float:
    return at + 0.03 * math.sin(at * 20) + 0.03


@pytest.mark.parametrize("name", CONTAINERS)
def test_sound_behind_a_hole_stands_where_its_time_stamp_says(name, tmp_path):
    found = check(recording(name, gap, tmp_path), gap)
    (missing,) = found.missing
    assert missing.reason == "hole"
    assert missing.start_ms == pytest.approx(8_200, abs=250)  # a page of Ogg is not divided
    assert missing.end_ms == pytest.approx(15_500, abs=250)


@pytest.mark.parametrize("name", [each for each in CONTAINERS if each != "ogg"])
def test_holes_that_a_codec_leaves_in_silence_don_t_add_up_and_are_not_missing(name, tmp_path):
    """Ogg has one time stamp for a page of a second: it says nothing about holes within."""
    found = check(recording(name, holes, tmp_path), holes)
    assert not found.missing


@pytest.mark.parametrize("name", [each for each in CONTAINERS if each != "ts"])
def test_a_recording_that_begins_late_begins_with_silence(name, tmp_path):
    found = check(recording(name, late, tmp_path), late)
    (missing,) = found.missing
    assert (missing.start_ms, missing.reason) == (0, "hole")
    assert missing.end_ms == pytest.approx(3_200, abs=50)


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov", "mpegts", "flv"])
def test_sound_that_begins_after_the_picture_stands_at_its_time(container):
    codec = "flv1" if container == "flv" else "mpeg4"
    check(media.film(container, codec, 24, beeps(), at=3.2), late)


def test_a_transport_streams_clock_starts_anywhere(tmp_path):
    check(recording("ts", late, tmp_path), lambda at: at)


@pytest.mark.parametrize("name", ["webm", "mka", "mkv"])
@pytest.mark.parametrize("moved", [drifting, jittering], ids=["drift", "jitter"])
def test_time_stamps_that_drift_are_followed_and_those_that_jitter_do_no_harm(
    name, moved, tmp_path
):
    check(recording(name, moved, tmp_path), moved)


def test_jitter_leaves_the_sound_whole(tmp_path):
    samples, found = decoded_here(recording("mkv", jittering, tmp_path))
    assert not found.missing
    assert len(samples) / 32_000 == pytest.approx(20, abs=0.1)


def test_a_change_of_the_rate_keeps_the_time():
    first = media.encoded(beeps()[: 10 * RATE * 2], "adts", "aac", rate=RATE)
    second = media.encoded(beeps()[: 10 * 24_000 * 2], "adts", "aac", rate=24_000)
    samples, _ = decoded_here(first + second)
    assert len(samples) / 32_000 == pytest.approx(20, abs=0.2)
