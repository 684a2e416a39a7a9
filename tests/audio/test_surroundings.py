"""What is in front of a recording or behind it, e.g. tags, zeros and noise, is not decoded and not missed."""

import random

import pytest

from tests import media
from tests.audio.decoding import decoded_here, plainly_decoded
from therapy.adapters.audio.audio_track import look_for_audio
from therapy.adapters.audio.ranged_file import RangedFile
from therapy.domain.errors import UnsupportedAudio

pytestmark = pytest.mark.slow  # each starts a child that decodes or encodes


@pytest.mark.parametrize("name", ["w64", "caf", "wma", "aiff", "m4a", "mp3", "flac"])
def test_zeros_behind_a_recording_are_not_taken_for_a_lost_end(name):
    _, found = decoded_here(media.recording(name) + bytes(100_000))
    assert not found.missing
    assert found.duration_ms == pytest.approx(10_000, abs=120)


def test_a_wma_whose_clock_starts_late_is_whole():
    data = media.encoded(
        media.excerpt(0, 10, 44_100), "asf", "libmp3lame", rate=44_100, moved=lambda at: at + 7
    )
    _, found = decoded_here(data)
    assert not found.missing
    assert found.duration_ms == pytest.approx(10_000, abs=120)


@pytest.mark.parametrize("name", ["mp3", "adts", "loas", "ac3", "ts"])
@pytest.mark.parametrize("size", [300, 3_000, 20_000])
def test_noise_in_front_of_frames_that_follow_each_other_is_passed_over(name, size):
    data = random.Random(1).randbytes(size) + media.recording(name)
    look_for_audio(RangedFile(lambda start, end: data[start:end], len(data)))
    samples, _ = decoded_here(data)
    assert len(samples) / 32_000 == pytest.approx(10, abs=0.3)


def test_samples_that_look_like_frames_are_not_called_by_a_name_that_can_be_read():
    data = b"\0" + media.encoded(media.excerpt(0, 10, 44_100), "aiff", "pcm_s16be", rate=44_100)
    with pytest.raises(UnsupportedAudio) as raised:
        look_for_audio(RangedFile(lambda start, end: data[start:end], len(data)))
    assert raised.value.code == "unsupported_audio"


def test_the_later_part_of_an_mpeg_film_gives_as_much_as_ffmpeg_finds():
    data = media.recording("mpg")[30_000:]
    samples, _ = decoded_here(data)
    assert len(samples) / 32_000 >= 0.97 * plainly_decoded(data)
