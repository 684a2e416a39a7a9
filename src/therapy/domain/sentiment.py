"""How the patient's speech felt: scores per utterance, for the whole session, and as a curve.

A score is three shares that sum to 1. Only the patient's speech is scored.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class Scores(Struct, frozen=True):
    """Shares of positive, neutral and negative feeling, each 0..1, that sum to 1."""

    positive: float
    neutral: float
    negative: float


NEUTRAL = Scores(0.0, 1.0, 0.0)


class Scored(Struct, frozen=True):
    """A stretch of the patient's speech with its scores; `weight` is how much it counts, e.g. its letters."""

    start_ms: int
    weight: float
    scores: Scores


class CurvePoint(Struct, frozen=True):
    """The mean scores of the patient's speech in one window that begins at `start_ms`."""

    start_ms: int
    end_ms: int
    scores: Scores


def normalised(positive: float, neutral: float, negative: float) -> Scores:
    """Return scores in proportion to three non-negative numbers; `NEUTRAL` if all are 0."""
    total = positive + neutral + negative
    if total <= 0:
        return NEUTRAL
    positive, negative = round(positive / total, 4), round(negative / total, 4)
    return Scores(positive, max(0.0, round(1 - positive - negative, 4)), negative)


def overall(scored: Iterable[Scored]) -> Scores:
    """Return the weighted mean of the scores; `NEUTRAL` if there are none."""
    positive = neutral = negative = 0.0
    for each in scored:
        positive += each.weight * each.scores.positive
        neutral += each.weight * each.scores.neutral
        negative += each.weight * each.scores.negative
    return normalised(positive, neutral, negative)


def curve(
    scored: Sequence[Scored], *, duration_ms: int, points: int = 20
) -> tuple[CurvePoint, ...]:
    """Return the mean scores in `points` windows of equal length; windows without scores are left out.

    A stretch belongs to the window in which it starts; one that starts after the end, to the last one.
    """
    if duration_ms <= 0 or points < 1:
        return ()
    width = max(1, -(-duration_ms // points))
    last = (duration_ms - 1) // width
    windows: dict[int, list[Scored]] = {}
    for each in scored:
        windows.setdefault(min(max(each.start_ms, 0) // width, last), []).append(each)
    return tuple(
        CurvePoint(number * width, min((number + 1) * width, duration_ms), overall(windows[number]))
        for number in sorted(windows)
    )
