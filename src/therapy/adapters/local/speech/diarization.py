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

LIKENESS, NEARBY = 5.0, 0.5
"""The weight of a cosine against the penalties: from windows over the word, and from the nearest one, where
several talk at once or too little was heard."""

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
    spans, cosines = windows.spans_ms, windows.embeddings @ centres.T
    alike = np.stack([_likeness(each, spans, cosines) for each in words])
    weights = [LIKENESS if _is_over(each, spans) else NEARBY for each in words]
    scores = alike * np.array(weights)[:, None]
    penalties = [penalty(before, after) for before, after in pairwise(words)]
    path = best_path(scores, penalties)
    chances = probabilities(scores, penalties)[np.arange(len(path)), path]
    familiar = np.clip((alike.max(axis=1) - STRANGE) / (FAMILIAR - STRANGE), 0, 1)
    return [
        VoicedWord(word, name, round(float(sure), 3))
        for word, name, sure in zip(words, _names(path), chances * familiar, strict=True)
    ]


def _names(path: Sequence[int]) -> list[str]:
    """Return the voices' labels: their number in the order of speaking."""
    names: dict[int, str] = {}
    return [names.setdefault(voice, str(len(names))) for voice in path]


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
    """Return the word's cosine to each voice, by the windows over its middle or else the nearest one."""
    at = _middle(word)
    chosen = _over(at, spans)
    if chosen.start == chosen.stop:
        return _nearest(at, spans, cosines)
    begin, end = spans[chosen, 0], spans[chosen, 1]
    weights = np.sin(np.pi * (at - begin + 1) / (end - begin + 2)) ** 2
    return np.asarray(weights @ cosines[chosen] / weights.sum(), dtype=np.float64)


def _middle(word: Word) -> int:
    return (word.start_ms + word.end_ms) // 2


def _is_over(word: Word, spans: NDArray[np.int64]) -> bool:
    chosen = _over(_middle(word), spans)
    return bool(chosen.start < chosen.stop)


def _over(at: int, spans: NDArray[np.int64]) -> slice:
    """Return the windows over this moment (ms)."""
    low = int(np.searchsorted(spans[:, 1], at, side="left"))
    return slice(low, max(low, int(np.searchsorted(spans[:, 0], at, side="right"))))


def _nearest(at: int, spans: NDArray[np.int64], cosines: Floats) -> Numbers:
    away = np.maximum(spans[:, 0] - at, at - spans[:, 1])
    nearest = int(away.argmin())
    found = cosines[nearest] if away[nearest] <= REACH_MS else np.zeros(cosines.shape[1])
    return np.asarray(found, dtype=np.float64)
