"""What is kept of the voices of a recording, on the demo's two voices and a couple's three."""

import hashlib
import json
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import media
from therapy.adapters.local.speech.diarization import voiced
from therapy.adapters.local.speech.networks import MODELS, Network, verified
from therapy.adapters.local.speech.speaker_changes import (
    NOBODY,
    SEVERAL,
    SHORTEST_FRAMES,
    parts,
)
from therapy.adapters.local.speech.speaker_encoder import (
    SIZE,
    WINDOW_FRAMES,
    VoiceEncoder,
    mel_frames,
)
from therapy.adapters.local.speech.speech_segments import Segmenter
from therapy.adapters.local.speech.voice_clusters import voice_centres
from therapy.adapters.local.speech.voice_windows import (
    HOP_FRAMES,
    VoiceListener,
    VoiceWindows,
    window_spans,
)
from therapy.domain.errors import EngineFailed, ErrorClass
from therapy.domain.transcript import UNSURE_BELOW, VoicedWord, Word

RATE = 16_000
HARD = Path(__file__).parents[2] / "tests/data/hard"
DEMO_S = 33.9
COUPLE_S = 24.5
"""Five turns of the couple: each of the three has spoken."""


@pytest.fixture(scope="module")
def listener() -> VoiceListener:
    return VoiceListener()


def heard(listener: VoiceListener, samples: bytes) -> VoiceWindows:
    cutter = Segmenter()
    return VoiceWindows.concatenated(
        [listener.windows(each) for each in (*cutter.take(samples), *cutter.finish())]
    )


def count(windows: VoiceWindows) -> int:
    return len(voice_centres(windows.embeddings, windows.weights))


def words(start: float, end: float) -> list[Word]:
    """A word every 0.3 s, and a sentence's end."""
    made = [
        Word("word", round(at * 1000), round(at * 1000) + 250)
        for at in np.arange(start, end - 0.3, 0.3)
    ]
    return [*made[:-1], Word("word.", made[-1].start_ms, made[-1].end_ms)]


def by_turn(spans, windows: VoiceWindows, people: int = 0) -> list[list[VoicedWord]]:
    """The words of each turn with their voices, found together."""
    turns = [words(start, end) for start, end in spans]
    found = iter(voiced([word for turn in turns for word in turn], windows, people))
    return [[next(found) for _ in turn] for turn in turns]


def alone(speaker: str) -> bytes:
    spans = [(start, end) for who, start, end in media.demo_spans() if who == speaker][:4]
    return b"".join(media.excerpt(start - 0.2, end + 0.2) for start, end in spans)


def louder(samples: bytes, by: float) -> bytes:
    return (np.frombuffer(samples, "<i2") * by).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def couple(listener) -> VoiceWindows:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(HARD / "couple.ogg")) as container:
        made = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate([each.to_ndarray().ravel() for each in made])
    return heard(listener, samples[: int(COUPLE_S * RATE)].astype("<i2").tobytes())


@pytest.mark.slow
@pytest.mark.parametrize("people", [0, 3])
def test_a_couple_and_their_therapist_are_three_voices(couple, people):
    turns = [
        each for each in json.loads((HARD / "couple.json").read_text()) if each["end"] < COUPLE_S
    ]
    found = by_turn([(each["start"], each["end"]) for each in turns], couple, people)
    speakers = ["Therapist", "Patient", "Patient2"]  # as they begin
    for turn, said in zip(turns, found, strict=True):
        assert {each.voice for each in said} == {str(speakers.index(turn["speaker"]))}
        assert np.mean([each.voice_confidence for each in said]) > UNSURE_BELOW + 0.2


@pytest.mark.slow
def test_every_word_of_the_demo_gets_its_voice_and_is_sure(listener):
    spans = [each for each in media.demo_spans() if each[2] < DEMO_S]
    windows = heard(listener, media.excerpt(0, DEMO_S))
    found = by_turn([(start, end) for _, start, end in spans], windows)
    for (who, _, _), said in zip(spans, found, strict=True):
        assert {each.voice for each in said} == {"0" if who == spans[0][0] else "1"}
        assert np.mean([each.voice_confidence for each in said]) > UNSURE_BELOW + 0.2


@pytest.mark.slow
@pytest.mark.parametrize("speaker", ["Therapist", "Patient"])
def test_a_person_alone_is_one_voice_near_and_far(listener, speaker):
    samples = alone(speaker)
    half = len(samples) // 4 * 2
    windows = heard(listener, louder(samples[:half], 0.15) + samples[half:])
    assert count(windows) == 1
    (said,) = by_turn([(0.2, len(samples) / 32_000)], windows)
    assert {each.voice for each in said} == {"0"}


@pytest.mark.slow
def test_a_quiet_patient_in_noise_is_still_another_voice(listener):
    mixed = b"".join(
        louder(media.excerpt(start - 0.2, end + 0.2), 0.3 if who == "Patient" else 1)
        for who, start, end in media.demo_spans()[:6]
    )
    samples = np.frombuffer(mixed, "<i2").astype(float)
    hiss = np.random.default_rng(1).standard_normal(len(samples))
    noisy = samples + hiss * np.sqrt((samples**2).mean()) * 10 ** (-20 / 20)
    assert count(heard(listener, noisy.clip(-32768, 32767).astype("<i2").tobytes())) == 2


@pytest.mark.slow
def test_where_two_talk_at_once_nobody_talks_alone(listener):
    first, second = (
        np.frombuffer(alone(who)[: 32_000 * 8], "<i2").astype(int)
        for who in ("Therapist", "Patient")
    )
    both = (first + second).clip(-32768, 32767).astype("<i2").tobytes()
    apart = heard(listener, first.astype("<i2").tobytes() + second.astype("<i2").tobytes())
    assert heard(listener, both).weights.sum() < apart.weights.sum() / 4


@pytest.mark.slow
def test_silence_has_no_windows(listener):
    assert len(heard(listener, bytes(RATE * 2)).spans_ms) == 0


@pytest.mark.slow
def test_an_embedding_is_a_unit_vector_and_the_same_in_any_batch():
    encoder = VoiceEncoder()
    mel = mel_frames(np.frombuffer(media.excerpt(0, 8), "<i2").astype(np.float32) / 32768)
    windows = np.stack([mel[at : at + WINDOW_FRAMES] for at in range(0, 600, 40)])
    together, apart = encoder.embed(windows), [encoder.embed(each[None])[0] for each in windows]
    assert together.shape == (15, SIZE)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    assert np.allclose(together, apart, atol=1e-3)
    assert encoder.embed(windows[:0]).shape == (0, SIZE)


@given(st.integers(0, 5_000), st.integers(1, 2_000))
def test_windows_cover_all_of_the_speech_and_nothing_else(first, length):
    spans = window_spans(first, first + length)
    covered = {frame for start, end in spans for frame in range(start, end)}
    assert min(covered) == first
    assert max(covered) >= first + length - 1 - HOP_FRAMES // 2
    assert max(covered) < first + length
    assert all(end - start <= WINDOW_FRAMES for start, end in spans)


def frames(text: str) -> np.ndarray:
    """A character for each 0.2 s: a person, "." = nobody, "x" = several."""
    meaning = {".": NOBODY, "x": SEVERAL, "1": 1, "2": 2}
    return np.repeat([meaning[each] for each in text], SHORTEST_FRAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1111", [(0, 4)]),
        ("1122", [(0, 2), (2, 4)]),
        ("11xx22", [(0, 2), (4, 6)]),
        ("11..11.22", [(0, 7), (7, 9)]),
        ("..11", [(0, 4)]),
        ("....", [(0, 4)]),
        ("xx", []),
    ],
)
def test_speech_is_cut_where_another_person_begins(text, expected):
    found = parts(frames(text), 100)
    assert found == [
        (100 + first * SHORTEST_FRAMES, 100 + last * SHORTEST_FRAMES) for first, last in expected
    ]


def test_a_stretch_that_is_too_short_is_left_out():
    who = np.array([1] * 50 + [2] * (SHORTEST_FRAMES - 1) + [3] * 50)
    assert parts(who, 0) == [(0, 50), (50 + SHORTEST_FRAMES - 1, 100 + SHORTEST_FRAMES - 1)]


def test_a_network_that_is_missing_is_refused_and_says_what_to_do():
    with pytest.raises(EngineFailed) as failed:
        Network("no-such.onnx")
    assert (failed.value.code, failed.value.error_class) == ("model", ErrorClass.PERMANENT)
    assert "reinstall" in str(failed.value.details["advice"])


def test_the_bytes_of_a_network_are_those_that_are_known():
    known = hashlib.sha256((MODELS / "seg3-fp16.onnx").read_bytes()).hexdigest()
    assert verified(MODELS / "seg3-fp16.onnx", known)
    with pytest.raises(EngineFailed):
        verified(MODELS / "seg3-fp16.onnx", known[::-1])
