"""Diarization: which voice said each word.

Words get their voices all together, by the Viterbi algorithm: each word's likeness to the voices counts, and
that people seldom take turns within a sentence. The confidence is the probability of the voice in the same
model (by the forward-backward algorithm), less where the word is like none of the voices.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from therapy.adapters.local.speech.networks import Floats
from therapy.adapters.local.speech.voice_clusters import voice_centres
from therapy.adapters.local.speech.voice_windows import VoiceWindows
from therapy.domain.transcript import VoicedWord, Word

Numbers = NDArray[np.float64]

LIKENESS = 5.0
"""The weight of a cosine against the penalties."""

AFTER_BOTH, AFTER_SENTENCE, AFTER_PAUSE, WITHIN = 0.3, 0.5, 1.0, 3.0
"""The penalty for another voice: after a sentence and a pause, after either, and in the middle of speech."""

PAUSE_MS = 250
SENTENCE_ENDS = (".", "?", "!", "…")

STRANGE, FAMILIAR = 0.1, 0.35
"""Cosines of a word to its voice's centre: below the first it is someone else's, above the second its own.
Measured: own voice 0.84 in a quiet room, 0.63 in a noisy one with echoes; others -0.1 to 0.57."""

REACH_MS = 1_000
"""A word outside all windows is judged by the nearest one, if that is this near."""


def voiced(words: Sequence[Word], windows: VoiceWindows, people: int = 0) -> list[VoicedWord]:
    """Return the words, in time order, each with its voice ("0" spoke first) and the confidence in it.

    `people` is how many speak, 0 if that is not known. Without speech no word has a voice.
    """
    centres = voice_centres(windows.embeddings, windows.weights, people)
    if not len(centres) or not words:
        return [VoicedWord(each, "", 0.0) for each in words]
    cosines = windows.embeddings @ centres.T
    alike = np.stack([_likeness(each, windows.spans_ms, cosines) for each in words])
    penalties = [penalty(before, after) for before, after in pairwise(words)]
    path = best_path(alike * LIKENESS, penalties)
    sure = probabilities(alike * LIKENESS, penalties)
    names: dict[int, str] = {}
    found = []
    for place, (word, voice) in enumerate(zip(words, path, strict=True)):
        name = names.setdefault(voice, str(len(names)))
        familiar = _part(float(alike[place, voice]), STRANGE, FAMILIAR)
        found.append(VoicedWord(word, name, round(float(sure[place, voice]) * familiar, 3)))
    return found


def penalty(before: Word, after: Word) -> float:
    """Return what it costs if another voice says the second of two words."""
    sentence = before.text.rstrip().endswith(SENTENCE_ENDS)
    if after.start_ms - before.end_ms >= PAUSE_MS:
        return AFTER_BOTH if sentence else AFTER_PAUSE
    return AFTER_SENTENCE if sentence else WITHIN


def best_path(scores: Numbers, penalties: Sequence[float]) -> list[int]:
    """Return the voice of each word for which the scores less the penalties of all changes are greatest."""
    total, origins = scores[0], []
    for score, cost in zip(scores[1:], penalties, strict=True):
        change = int(total.argmax())
        stays = total >= total[change] - cost
        origins.append(np.where(stays, np.arange(len(total)), change))
        total = np.maximum(total, total[change] - cost) + score
    path = [int(total.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def probabilities(scores: Numbers, penalties: Sequence[float]) -> Numbers:
    """Return the probability of each voice for each word, over all ways in which voices may change."""
    ahead = _messages(scores, penalties)
    back = _messages(scores[::-1], penalties[::-1])[::-1]
    return _shares(ahead + back - scores)


def _messages(scores: Numbers, penalties: Sequence[float]) -> Numbers:
    """Return the logarithm of the weight of all ways to each word in each voice."""
    found = [scores[0]]
    for score, cost in zip(scores[1:], penalties, strict=True):
        weights = _shares(found[-1])
        change = np.exp(-cost)
        found.append(np.log(weights * (1 - change) + change) + score)
    return np.stack(found)


def _shares(logarithms: Numbers) -> Numbers:
    weights = np.exp(logarithms - logarithms.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _likeness(word: Word, spans: NDArray[np.int64], cosines: Floats) -> Numbers:
    """Return the word's cosine to each voice, from the windows over its middle; 0 without any."""
    at = (word.start_ms + word.end_ms) // 2
    near = _near(at, spans)
    if near is None:
        return np.zeros(cosines.shape[1])
    chosen, weights = near
    return np.asarray(weights @ cosines[chosen] / weights.sum(), dtype=np.float64)


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
