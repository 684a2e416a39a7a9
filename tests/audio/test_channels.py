"""Channels are judged before they are mixed: inverted, dead, or one speaker on each."""

import math
import random
from array import array
from functools import cache

import pytest

from tests import media
from tests.audio.decoding import decoded_here, wav

pytestmark = pytest.mark.slow  # each decodes

SECONDS = 12
NOTHING = array("h", bytes(SECONDS * 16_000 * 2))


@cache
def speech() -> array:
    return array("h", media.excerpt(0, SECONDS))


def other_speech() -> array:
    return array("h", media.excerpt(20, 20 + SECONDS))


def interleaved(*channels: array) -> bytes:
    mixed = array("h", bytes(2 * len(channels) * len(channels[0])))
    for number, each in enumerate(channels):
        mixed[number :: len(channels)] = each
    return mixed.tobytes()


def scaled(samples: array, factor: float) -> array:
    return array("h", (int(each * factor) for each in samples))


def mixed(*channels: array):
    samples, found = decoded_here(wav(interleaved(*channels), channels=len(channels)))
    assert len(samples) == 2 * len(channels[0])
    return array("h", samples), found


def loudness(samples) -> float:
    return math.sqrt(sum(each * each for each in samples[::7]) / len(samples[::7]))


def likeness(first, second) -> float:
    """Correlation of the samples: 1 is the same sound."""
    both = sum(one * other for one, other in zip(first[::7], second[::7], strict=True))
    return both / (loudness(first) * loudness(second) * len(first[::7]))


def test_two_channels_that_carry_the_same_are_as_loud_as_one():
    samples, found = mixed(speech(), speech())
    assert likeness(samples, speech()) > 0.999
    assert loudness(samples) == pytest.approx(loudness(speech()), rel=0.01)
    assert (found.remarks, found.levels) == ((), ())


@pytest.mark.parametrize("factor", [-1.0, -0.5], ids=["the same", "half as loud"])
def test_an_inverted_channel_is_subtracted(factor):
    samples, found = mixed(speech(), scaled(speech(), factor))
    assert likeness(samples, speech()) > 0.999
    assert loudness(samples) > 0.7 * loudness(speech())
    assert found.remarks == ("inverted_channel",)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_dead_channel_costs_no_loudness(side):
    samples, found = mixed(*((speech(), NOTHING) if side == "right" else (NOTHING, speech())))
    assert likeness(samples, speech()) > 0.999
    assert loudness(samples) == pytest.approx(loudness(speech()), rel=0.01)
    assert found.remarks == ("silent_channel",)
    assert not found.levels


def test_a_channel_that_dies_in_between_is_noticed():
    half = len(speech()) // 2
    dying = speech()[:half] + NOTHING[half:]
    samples, _ = mixed(speech(), dying)
    assert likeness(samples[-32_000:], speech()[-32_000:]) > 0.99


@pytest.mark.parametrize("factors", [(1, -1), (-1, 1)], ids=["inverted later", "inverted first"])
def test_a_channel_that_is_turned_over_in_between_costs_nothing(factors):
    half = len(speech()) // 2
    turned = scaled(speech()[:half], factors[0]) + scaled(speech()[half:], factors[1])
    samples, _ = mixed(speech(), turned)
    for at in range(0, len(speech()), 16_000):
        assert loudness(samples[at : at + 16_000]) > 0.9 * loudness(speech()[at : at + 16_000])


def turns() -> tuple[array, array]:
    """Two people who speak in turn, three seconds each, with a little of the other on one's channel."""
    first, second = array("h"), array("h")
    for at in range(0, len(speech()), 48_000):
        spoken, quiet = speech()[at : at + 48_000], scaled(speech()[at : at + 48_000], 0.1)
        first += spoken if at // 48_000 % 2 == 0 else quiet
        second += quiet if at // 48_000 % 2 == 0 else spoken
    return first, second


def test_one_speaker_on_each_channel_gives_levels():
    first, second = turns()
    samples, found = mixed(first, second)
    assert "separate_channels" in found.remarks
    assert likeness(samples, speech()) > 0.98
    assert [len(each) for each in found.levels] == [SECONDS * 10] * 2
    louder = [one - other for one, other in zip(*found.levels, strict=True)]
    spoken = [at for at in range(SECONDS * 10) if max(each[at] for each in found.levels) > 120]
    right = [at for at in spoken if (louder[at] > 0) == (at // 30 % 2 == 0)]
    assert len(spoken) > 50
    assert len(right) > 0.95 * len(spoken)


def test_levels_count_through_a_hole():
    first, second = turns()
    data = media.encoded(
        interleaved(first, second), "matroska", "pcm_s16le", rate=16_000, layout="stereo",
        moved=lambda at: at if at < 6 else at + 4,
    )  # fmt: skip
    _, found = decoded_here(data)
    assert "separate_channels" in found.remarks
    assert [len(each) for each in found.levels] == [(SECONDS + 4) * 10] * 2
    assert not any(found.levels[0][62:98])


def test_levels_are_in_steps_of_0_375_db_below_full_scale():
    tone = array("h", (round(3_276.7 * math.sin(at / 3)) for at in range(len(speech()))))
    first, second = array("h"), array("h")
    for at in range(0, len(speech()), 16_000):
        first += tone[at : at + 16_000] if at // 16_000 % 2 else NOTHING[:16_000]
        second += NOTHING[:16_000] if at // 16_000 % 2 else tone[at : at + 16_000]
    _, found = mixed(first, second)
    rms_db = 20 * math.log10(3_276.7 / math.sqrt(2) / 32_768)
    assert found.levels[0][15] == pytest.approx(255 + rms_db / 0.375, abs=1)
    assert found.levels[0][5] == 0
    assert found.levels[1][5] == found.levels[0][15]


def test_a_room_that_two_microphones_hear_has_no_speaker_for_each():
    _, found = mixed(speech(), scaled(speech(), 0.7))
    assert (found.remarks, found.levels) == ((), ())


def test_two_people_who_are_on_both_channels_are_not_apart():
    rng = random.Random(3)
    blurred = array(
        "h", (max(-32_768, min(32_767, x + rng.randrange(-300, 300))) for x in speech())
    )
    _, found = mixed(blurred, speech())
    assert not found.levels


@pytest.mark.parametrize("place", [0, 7, 23])
def test_of_24_channels_the_one_with_sound_is_used(place):
    channels = [NOTHING] * 24
    channels[place] = speech()
    samples, found = mixed(*channels)
    assert likeness(samples, speech()) > 0.99
    assert loudness(samples) == pytest.approx(loudness(speech()), rel=0.05)
    assert found.remarks == ("silent_channel",)


def test_silence_on_all_channels_stays_silence():
    samples, found = mixed(NOTHING, NOTHING)
    assert not any(samples)
    assert found.remarks == ()


def test_both_speakers_are_kept_when_they_speak_at_once():
    samples, _ = mixed(speech(), other_speech())
    assert likeness(samples, speech()) > 0.5
    assert likeness(samples, other_speech()) > 0.5


@pytest.mark.parametrize("kind", ["hiss", "hum"])
def test_a_channel_with_hiss_or_hum_is_no_second_speaker(kind):
    """In the speaker's pauses it is the louder one."""
    rng = random.Random(1)
    faint = array(
        "h",
        (
            rng.randrange(-30, 30) if kind == "hiss" else round(60 * math.sin(at * 0.02))
            for at in range(len(speech()))
        ),
    )
    _, found = mixed(faint, speech())
    assert "separate_channels" not in found.remarks
    assert not found.levels
