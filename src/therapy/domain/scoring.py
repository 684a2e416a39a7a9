"""The scores of a transcript: which lines need one, and what they say together.

Only the patient's speech is scored. A line weighs as much as it has letters, so that a "yes" does
not count like a story.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from therapy.domain.sentiment import CurvePoint, Scored, Scores, curve, overall
from therapy.domain.transcript import Speaker, TranscriptVersion, Utterance


def to_score(version: TranscriptVersion) -> tuple[int, ...]:
    """Give the indexes of the patient's utterances that have no scores yet, in order."""
    return tuple(
        index
        for index, each in enumerate(version.utterances)
        if each.speaker is Speaker.PATIENT and each.scores is None
    )


def with_scores(
    version: TranscriptVersion, scores: Mapping[int, Scores | None]
) -> TranscriptVersion:
    """Give the version with these utterances' scores; None leaves a line that can't be scored as it is.

    Nobody but the patient gets scores: other lines' scores are taken off, e.g. of a line that a
    therapist gave to another speaker.
    """

    def scored(index: int, each: Utterance) -> Utterance:
        if each.speaker is not Speaker.PATIENT:
            return each if each.scores is None else replace(each, scores=None)
        new = scores.get(index)
        return each if new is None else replace(each, scores=new)

    utterances = (scored(index, each) for index, each in enumerate(version.utterances))
    return replace(version, utterances=tuple(utterances))


def session_scores(version: TranscriptVersion) -> Scores:
    """Give the scores of the patient's speech as a whole; 0, 1, 0 if none of it has scores."""
    return overall(_scored(version))


def curve_of(version: TranscriptVersion, *, points: int = 20) -> tuple[CurvePoint, ...]:
    """Give how the patient's speech felt over the session, in windows of equal length."""
    last = max((each.end_ms for each in version.utterances), default=0)
    duration_ms = version.duration_ms or last
    return curve(tuple(_scored(version)), duration_ms=duration_ms, points=points)


def _scored(version: TranscriptVersion) -> Iterator[Scored]:
    for each in version.utterances:
        if each.speaker is Speaker.PATIENT and each.scores is not None:
            yield Scored(each.start_ms, _letters(each.text), each.scores)


def _letters(text: str) -> int:
    """How many letters; a text without any, e.g. a number, weighs as one."""
    return max(1, sum(1 for letter in text if letter.isalpha()))
