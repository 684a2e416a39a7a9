"""How far a session's insights are: a function of the session, its runs and its transcript.

They follow the transcript and hold up nothing, so that they have a status beside the session's own.
"""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from therapy.domain.insights import FAILED
from therapy.domain.run import Run, RunKind, RunState
from therapy.domain.session import WITH_TRANSCRIPT, Session
from therapy.domain.transcript import TranscriptVersion


class InsightsStatus(Enum):
    """Whether the insights of a session's current transcript are there, as clients see it.

    `absent`: nothing looks for them, e.g. as there is no transcript yet, or its words were corrected;
    `pending`: they are being found, or will be; `ready`: they are there, with reasons for parts that are
    not; `failed`: they could not be found.
    """

    ABSENT = "absent"
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class InsightsProgress(Struct, frozen=True, omit_defaults=True):
    """The status of insights; `failure` is the code of why the last attempt failed ("" = it did not)."""

    status: InsightsStatus
    failure: str = ""


def insights_run(runs: Iterable[Run]) -> Run | None:
    """Return the last run that looks for insights; None if none does."""
    of_kind = (run for run in runs if run.kind is RunKind.INSIGHTS)
    return max(of_kind, key=lambda run: (run.created_at, run.id), default=None)


def insights_progress(
    session: Session, runs: Iterable[Run], transcript: TranscriptVersion | None
) -> InsightsProgress:
    """Return how far the insights of a session's current transcript are."""
    run = insights_run(runs)
    there = transcript is not None and transcript.insights is not None
    if run is not None and session.state in WITH_TRANSCRIPT:
        if not run.over:
            return InsightsProgress(InsightsStatus.PENDING, run.error_code)
        if run.state is RunState.FAILED:
            return InsightsProgress(InsightsStatus.FAILED, run.error_code)
    return InsightsProgress(InsightsStatus.READY if there else InsightsStatus.ABSENT)


def may_find_again(progress: InsightsProgress, transcript: TranscriptVersion) -> bool:
    """Return whether looking for insights again may find more: they or a part failed, or nothing looked."""
    match progress.status:
        case InsightsStatus.PENDING:
            return False
        case InsightsStatus.READY:
            gaps = transcript.insights.gaps if transcript.insights else ()
            return any(gap.code == FAILED for gap in gaps)
        case InsightsStatus.FAILED:
            return True
        case InsightsStatus.ABSENT:
            return bool(transcript.utterances)
