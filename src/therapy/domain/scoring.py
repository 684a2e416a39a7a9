"""The scores of a transcript: which utterances need them, and what they are as a whole.

Only the patient's speech is scored. An utterance is weighted by its letters, so that a "yes" does
not count as much as a story.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from therapy.domain.sentiment import CurvePoint, Scored, Scores, curve, overall
from therapy.domain.transcript import Speaker, TranscriptVersion, Utterance


def to_score(version: TranscriptVersion) -> tuple[int, ...]:
    """Return the indexes of the patient's utterances that have no scores yet, in order.

    Utterances in doubt are not scored: their words may never have been said.
    """
    return tuple(
        index
        for index, each in enumerate(version.utterances)
        if each.speaker is Speaker.PATIENT and each.scores is None and not each.doubts
    )


def with_scores(
    version: TranscriptVersion, scores: Mapping[int, Scores | None]
) -> TranscriptVersion:
    """Return the version with these scores by index; None leaves an utterance as it is.

    Only the patient has scores: other speakers' are removed, e.g. from an utterance that the therapist
    assigned to someone else.
    """

    def scored(index: int, each: Utterance) -> Utterance:
        if each.speaker is not Speaker.PATIENT:
            return each if each.scores is None else replace(each, scores=None)
        new = scores.get(index)
        return each if new is None else replace(each, scores=new)

    utterances = (scored(index, each) for index, each in enumerate(version.utterances))
    return replace(version, utterances=tuple(utterances))


def session_scores(version: TranscriptVersion) -> Scores:
    """Return the scores of the patient's speech as a whole; `NEUTRAL` if none of it has scores."""
    return overall(_scored(version))


def curve_of(version: TranscriptVersion, *, points: int = 20) -> tuple[CurvePoint, ...]:
    """Return how the patient's speech felt over the session, in windows of equal length."""
    last = max((each.end_ms for each in version.utterances), default=0)
    duration_ms = version.duration_ms or last
    return curve(tuple(_scored(version)), duration_ms=duration_ms, points=points)


def _scored(version: TranscriptVersion) -> Iterator[Scored]:
    for each in version.utterances:
        if each.speaker is Speaker.PATIENT and each.scores is not None:
            yield Scored(each.start_ms, _letters(each.text), each.scores)


def _letters(text: str) -> int:
    """Return the number of letters; 1 for a text without any, e.g. a number."""
    return max(1, sum(1 for letter in text if letter.isalpha()))
