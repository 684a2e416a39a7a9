"""Telling voices apart, on the demo's two voices and on others made from them."""

import numpy as np
import pytest

from tests import media
from therapy.adapters.local.speech import diarization
from therapy.adapters.local.speech.diarization import VoiceWindows, embed_windows, voiced
from therapy.adapters.local.speech.speaker_encoder import CELLS, VoiceEncoder, mel_frames
from therapy.adapters.local.speech.speech_segments import Segmenter
from therapy.domain.transcript import UNSURE_BELOW, Word

RATE = 16_000
ENCODER = VoiceEncoder()

pytestmark = pytest.mark.slow


def heard(samples: bytes) -> VoiceWindows:
    cutter = Segmenter()
    return VoiceWindows.concatenated(
        [embed_windows(ENCODER, each) for each in (*cutter.take(samples), *cutter.finish())]
    )


def words(spans) -> list[Word]:
    """A word every 0.3 s of each span (seconds)."""
    return [
        Word("word", round(at * 1000), round(at * 1000) + 250)
        for start, end in spans
        for at in np.arange(start, end - 0.3, 0.3)
    ]


def turns(speaker: str) -> list[tuple[float, float]]:
    return [(start, end) for who, start, end in media.demo_spans() if who == speaker]


def alone(speaker: str) -> bytes:
    return b"".join(media.excerpt(start - 0.2, end + 0.2) for start, end in turns(speaker))


def louder(samples: bytes, by: float) -> bytes:
    return (np.frombuffer(samples, "<i2") * by).astype("<i2").tobytes()


def faster(samples: bytes, by: float) -> bytes:
    """Played faster, so higher: another person to the encoder."""
    played = np.frombuffer(samples, "<i2")
    at = np.arange(int(len(played) / by)) * by
    return np.interp(at, np.arange(len(played)), played).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def demo() -> VoiceWindows:
    return heard(media.demo_pcm())


def test_every_word_of_the_demo_gets_its_voice_and_is_sure(demo):
    therapist, patient = (voiced(words(turns(who)), demo) for who in ("Therapist", "Patient"))
    assert {each.voice for each in therapist} == {"0"}
    assert {each.voice for each in patient} == {"1"}
    for who in ("Therapist", "Patient"):
        for turn in turns(who):
            sure = [each.voice_confidence for each in voiced(words([turn]), demo)]
            assert np.mean(sure) > UNSURE_BELOW + 0.2


def test_the_first_voice_is_the_one_that_speaks_first():
    late = heard(media.excerpt(7, 66))
    assert {each.voice for each in voiced(words([(0.2, 7)]), late)} == {"0"}
    assert {each.voice for each in voiced(words([(8, 13)]), late)} == {"1"}


@pytest.mark.parametrize("speaker", ["Therapist", "Patient"])
def test_a_person_alone_is_one_voice_near_and_far(speaker):
    samples = alone(speaker)
    half = len(samples) // 4 * 2
    for each in (samples, louder(samples[:half], 0.15) + samples[half:]):
        assert len(diarization.voices(heard(each))) == 1


def test_a_quiet_patient_is_still_another_voice():
    mixed = b"".join(
        louder(media.excerpt(start - 0.2, end + 0.2), 0.12 if who == "Patient" else 1)
        for who, start, end in media.demo_spans()[:9]
    )
    assert len(diarization.voices(heard(mixed))) == 2


def test_noise_does_not_make_them_one():
    samples = np.frombuffer(media.demo_pcm(), "<i2").astype(float)
    hiss = np.random.default_rng(1).standard_normal(len(samples))
    loudness = np.sqrt((samples**2).mean()) * 10 ** (-10 / 20)
    noisy = heard((samples + hiss * loudness).clip(-32768, 32767).astype("<i2").tobytes())
    found = voiced(words(turns("Therapist")) + words(turns("Patient")), noisy)
    assert [each.voice for each in found] == ["0"] * len(words(turns("Therapist"))) + ["1"] * len(
        words(turns("Patient"))
    )


def test_a_third_voice_is_not_surely_one_of_the_two():
    end = len(media.demo_pcm()) / 2 / RATE
    third = faster(media.excerpt(58.5, 67.84), 1.25)
    found = voiced(words([(end + 0.4, end + 7)]), heard(media.demo_pcm() + third))
    assert np.mean([each.voice_confidence for each in found]) < UNSURE_BELOW


def test_a_word_far_from_all_speech_is_nobodys(demo):
    (found,) = voiced([Word("word", 500_000, 500_300)], demo)
    assert (found.voice, found.voice_confidence) == ("", 0.0)


def test_without_speech_there_is_no_voice():
    nothing = heard(bytes(RATE * 2))
    assert len(diarization.voices(nothing)) == 0
    assert voiced([Word("word", 0, 300)], nothing)[0].voice == ""
    assert voiced([], nothing) == []


def test_an_embedding_is_a_unit_vector_and_the_same_in_any_batch():
    mel = mel_frames(np.frombuffer(media.excerpt(0, 8), "<i2").astype(np.float32) / 32768)
    windows = np.stack([mel[at : at + 160] for at in range(0, 600, 40)])
    together, apart = ENCODER.embed(windows), [ENCODER.embed(each[None])[0] for each in windows]
    assert together.shape == (15, CELLS)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    assert np.allclose(together, apart, atol=1e-4)
    assert ENCODER.embed(windows[:0]).shape == (0, CELLS)
