"""Recordings that were refused, lost or shifted once: what is there is decoded, at its time."""

from array import array

import pytest

from tests import media
from tests.audio.decoding import decoded_here, reader
from therapy.adapters.audio import PyAvAudioDecoder
from therapy.domain.media import SNIFF_BYTES, sniff

pytestmark = pytest.mark.slow  # each starts a child that decodes or encodes

HOLE_20 = [("hole", 12.0, 32.0)]
RIGHT: dict[str, tuple[float, list[tuple[str, float, float]], list[str]]] = {
    "ac3.mp4": (30.0, [], []),
    "adts.aac": (30.0, [], []),
    "apac_first.mp4": (30.0, [], []),
    "film31.webm": (30.0, [("cut_off", 30.0, 31.0)], []),
    "g722.wav": (30.0, [], []),
    "gap20.mka": (50.0, HOLE_20, []),
    "gap20.webm": (50.0, HOLE_20, []),
    "mp3_cut_stale_xing.mp3": (18.0, [("cut_off", 18.0, 30.0)], []),
    "mp3_zeros_first.mp3": (30.0, [], []),
    "noftyp_skip.mov": (30.0, [], []),
    "ogg_gap06.opus": (30.6, [("hole", 12.0, 12.6)], []),
    "rec.aiff": (5.0, [], []),
    "rec.amr": (30.0, [], []),
    "stereo-inverted.flac": (15.0, [], ["inverted_channel"]),
    "two_tracks.mp4": (30.0, [], ["several_tracks"]),
    "wav-pmx-chunk.wav": (5.0, [], []),
    "webm_wall_plus1200.webm": (30.0, [("cut_off", 30.0, 31.2)], []),
}


def loudness(samples: bytes) -> float:
    values = array("h", samples)
    return (sum(each * each for each in values[::8]) / len(values[::8])) ** 0.5


@pytest.mark.parametrize("name", RIGHT)
def test_a_recording_that_plays_is_decoded(name):
    data = media.case(name)
    seconds, missing, remarks = RIGHT[name]
    assert sniff(data[:SNIFF_BYTES])
    samples, found = decoded_here(data)
    assert len(samples) / 32_000 == pytest.approx(seconds, abs=0.1)
    assert [each.reason for each in found.missing] == [reason for reason, _, _ in missing]
    for each, (_, start, end) in zip(found.missing, missing, strict=True):
        assert each.start_ms / 1000 == pytest.approx(start, abs=0.06)
        assert each.end_ms / 1000 == pytest.approx(end, abs=0.06)
    assert list(found.remarks) == remarks
    assert loudness(samples) > 300


def test_there_is_silence_in_a_hole_and_sound_around_it():
    samples, _ = decoded_here(media.case("gap20.webm"))
    assert not any(samples[32_000 * 13 : 32_000 * 31])
    assert loudness(samples[: 32_000 * 12]) > 300
    assert loudness(samples[32_000 * 32 :]) > 300


async def test_the_child_process_says_the_same():
    data = media.case("gap20.webm")
    reports = []
    decoder = PyAvAudioDecoder()
    await decoder.check("practice", reader(data), len(data))
    chunks = decoder.decode("practice", reader(data), len(data), on_end=reports.append)
    assert (b"".join([each async for each in chunks]), *reports) == decoded_here(data)
