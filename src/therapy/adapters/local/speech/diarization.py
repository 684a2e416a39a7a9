"""Diarization: which voice said each word, by clustering windows of speech into at most two voices.

During the recording only the windows' embeddings (unit vectors) are kept, 1 kB for each 0.4 s of speech. At
the end spherical 2-means splits them, unless both halves sound like one person. A word belongs to the voice
whose centre is nearest to the windows over the word's middle. The confidence depends on how much nearer it
is, and on how near at all: a third voice is near neither centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from therapy.adapters.local.speech.speaker_encoder import (
    FRAME_STEP,
    WINDOW_FRAMES,
    Floats,
    VoiceEncoder,
    mel_frames,
)
from therapy.adapters.local.speech.speech_segments import SpeechSegment
from therapy.domain.transcript import VoicedWord, Word

HOP_FRAMES = 40
"""A window starts every 0.4 s."""

MS_PER_FRAME = 10

LOUD_WINDOW = 80.0
"""The sum of all mel energies in a window of speech at -30 dBFS, the level of the network's training data."""

ONE_VOICE = 0.82
"""Two centres with a higher cosine are one person. Measured: two halves of one voice 0.95, one
reader in two recordings 0.90, different people 0.53 to 0.67."""

FEWEST_WINDOWS = 3
"""A voice in fewer windows than this is a noise, not a person."""

STRANGE, FAMILIAR = 0.66, 0.82
"""Cosines of a word to its voice's centre: below the first it is someone else's, above the second certainly
this voice's. Measured: own voice 0.87 in 95 of 100 windows, other voices 0.55 to 0.70."""

CLEAR_MARGIN = 0.5
"""The share of the distance between the voices by which a word must be nearer to its own to be certain."""

REACH_MS = 1_000
"""A word outside all windows gets the voice of the nearest one, if that is this near."""


@dataclass(frozen=True)
class VoiceWindows:
    """Windows of speech: start and end of each in ms, and its embedding."""

    spans_ms: NDArray[np.int64]
    embeddings: Floats

    @staticmethod
    def concatenated(parts: Sequence["VoiceWindows"]) -> "VoiceWindows":
        """Return the windows of all parts, in order."""
        if not parts:
            return VoiceWindows(
                np.empty((0, 2), dtype=np.int64), np.empty((0, 1), dtype=np.float32)
            )
        return VoiceWindows(
            np.concatenate([each.spans_ms for each in parts]),
            np.concatenate([each.embeddings for each in parts]),
        )


def embed_windows(encoder: VoiceEncoder, segment: SpeechSegment) -> VoiceWindows:
    """Return the embedded windows of a segment's speech."""
    mel = mel_frames(segment.samples)
    windows, spans = [], []
    for first, last in segment.spans:
        begin, end = first // FRAME_STEP, max(last // FRAME_STEP, first // FRAME_STEP + 1)
        for at in _window_starts(begin, end):
            spans.append((at, min(at + WINDOW_FRAMES, end)))
            # Speech shorter than a window is repeated: what is around it may be someone else's.
            windows.append(
                np.resize(mel[at : min(at + WINDOW_FRAMES, end)], (WINDOW_FRAMES, mel.shape[1]))
            )
    if not windows:
        return VoiceWindows.concatenated(())
    offset = segment.start * 1000 // (FRAME_STEP * 100)
    return VoiceWindows(
        np.array(spans, dtype=np.int64) * MS_PER_FRAME + offset,
        encoder.embed(_levelled(np.stack(windows))),
    )


def _window_starts(begin: int, end: int) -> list[int]:
    last = end - WINDOW_FRAMES
    if last <= begin:
        return [begin]
    starts = list(range(begin, last + 1, HOP_FRAMES))
    if last - starts[-1] > HOP_FRAMES // 2:
        starts.append(last)
    return starts


def _levelled(windows: Floats) -> Floats:
    """Return the windows at the same loudness: someone far from the phone is not another person."""
    power = windows.sum(axis=(1, 2), keepdims=True)
    return np.asarray(windows * (LOUD_WINDOW / np.maximum(power, 1e-12)), dtype=np.float32)


def voices(windows: VoiceWindows) -> Floats:
    """Return the centres of the one or two voices (none without speech), in the order of speaking."""
    points = windows.embeddings
    if not len(points):
        return np.empty((0, points.shape[1]), dtype=np.float32)
    alone = _centre(points)[None]
    best, most = alone, -np.inf
    for first in _beginnings(points):
        centres, mine = _two_means(points, first)
        if min(mine.sum(), (~mine).sum()) < FEWEST_WINDOWS or centres[0] @ centres[1] > ONE_VOICE:
            continue
        tight = float((points @ centres.T).max(axis=1).sum())
        if tight > most:
            best, most = centres if mine[0] else centres[::-1], tight
    return np.asarray(best)


def _beginnings(points: Floats) -> list[NDArray[np.bool_]]:
    """Return initial splits of the points: along the widest direction, and by two distant points."""
    middle = points - points.mean(axis=0)
    widest = np.linalg.svd(middle.T @ middle)[0][:, 0]
    ways = [middle @ widest > 0]
    lone = points[(points @ _centre(points)).argmin()]
    far = points[(points @ lone).argmin()]
    ways.append(points @ lone > points @ far)
    return ways


def _two_means(points: Floats, mine: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    centres = np.stack([points[0], points[0]])
    for _ in range(50):
        if mine.all() or not mine.any():
            break
        centres = np.stack([_centre(points[mine]), _centre(points[~mine])])
        nearer = (points @ centres[0]) >= (points @ centres[1])
        if (nearer == mine).all():
            break
        mine = nearer
    return centres, mine


def _centre(points: Floats) -> Floats:
    mean = points.mean(axis=0)
    return np.asarray(mean / (np.linalg.norm(mean) + 1e-9))


def voiced(words: Sequence[Word], windows: VoiceWindows) -> list[VoicedWord]:
    """Return the words, in time order, each with its voice ("0" spoke first) and the confidence in it."""
    centres = voices(windows)
    if not len(centres):
        return [VoicedWord(each, "", 0.0) for each in words]
    cosines = windows.embeddings @ centres.T
    apart = 1 - float(centres[0] @ centres[1]) if len(centres) > 1 else 0.0
    return [_voice(each, windows.spans_ms, cosines, apart) for each in words]


def _voice(word: Word, spans: NDArray[np.int64], cosines: Floats, apart: float) -> VoicedWord:
    at = (word.start_ms + word.end_ms) // 2
    near = _near(at, spans)
    if near is None:
        return VoicedWord(word, "", 0.0)
    chosen, weights = near
    scores = weights @ cosines[chosen] / weights.sum()
    own = int(scores.argmax())
    sure = _part(float(scores[own]), STRANGE, FAMILIAR)
    if apart:
        margin = float(scores[own] - scores[1 - own])
        sure *= _part(margin, 0, CLEAR_MARGIN * apart)
    return VoicedWord(word, str(own), round(sure, 3))


def _near(at: int, spans: NDArray[np.int64]) -> tuple[slice, Floats] | None:
    """Return the windows over this moment (ms) and their weights, greatest where it is in the middle."""
    low = int(np.searchsorted(spans[:, 1], at, side="left"))
    high = int(np.searchsorted(spans[:, 0], at, side="right"))
    if low < high:
        begin, end = spans[low:high, 0], spans[low:high, 1]
        place = (at - begin + 1) / (end - begin + 2)
        return slice(low, high), np.asarray(np.sin(np.pi * place) ** 2, dtype=np.float32)
    choices = [each for each in (low - 1, low) if 0 <= each < len(spans)]
    away = [max(spans[each, 0] - at, at - spans[each, 1]) for each in choices]
    if not choices or min(away) > REACH_MS:
        return None
    nearest = choices[int(np.argmin(away))]
    return slice(nearest, nearest + 1), np.ones(1, dtype=np.float32)


def _part(value: float, nothing: float, all_of_it: float) -> float:
    return min(1.0, max(0.0, (value - nothing) / (all_of_it - nothing)))
