"""The parts that a version of a transcript is stored in: header, words, scores, insights.

Words are written once; scores and insights come later and may be replaced.
"""

from datetime import datetime
from itertools import chain, repeat

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.sentiment import Scores
from therapy.domain.transcript import Source, TranscriptVersion


class VersionHeader(Struct, frozen=True, omit_defaults=True):
    """What a list of versions shows of one; `lines` is the number of its utterances.

    `reason` is why a closed session was amended ("" = not told).
    """

    number: int
    parent: int
    source: Source
    at: datetime
    lines: int
    author_id: str = ""
    engine: str = ""
    language: str = ""
    duration_ms: int = 0
    reason: str = ""


class VersionScores(Struct, frozen=True, omit_defaults=True):
    """The scores of a version's utterances, in their order; see `TranscriptVersion.sentiment_gap`."""

    scores: tuple[Scores | None, ...] = ()
    sentiment_gap: str = ""

    def __bool__(self) -> bool:
        return bool(self.sentiment_gap) or any(each is not None for each in self.scores)


def header_of(version: TranscriptVersion) -> VersionHeader:
    """Return a version's header."""
    return VersionHeader(
        number=version.number,
        parent=version.parent,
        source=version.source,
        at=version.at,
        lines=len(version.utterances),
        author_id=version.author_id,
        engine=version.engine,
        language=version.language,
        duration_ms=version.duration_ms,
        reason=version.reason,
    )


def scores_of(version: TranscriptVersion) -> VersionScores:
    """Return a version's scores; false (`bool`) if there are none."""
    return VersionScores(tuple(each.scores for each in version.utterances), version.sentiment_gap)


def without_findings(version: TranscriptVersion) -> TranscriptVersion:
    """Return the version without scores and insights."""
    bare = tuple(
        each if each.scores is None else replace(each, scores=None) for each in version.utterances
    )
    return replace(version, utterances=bare, sentiment_gap="", insights=None)


def with_scores_of(version: TranscriptVersion, found: VersionScores) -> TranscriptVersion:
    """Return the version with these scores, in order; utterances beyond them get none."""
    scores = chain(found.scores, repeat(None))
    scored = tuple(
        each if score is None else replace(each, scores=score)
        for each, score in zip(version.utterances, scores, strict=False)
    )
    return replace(version, utterances=scored, sentiment_gap=found.sentiment_gap)
