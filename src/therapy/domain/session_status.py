"""The state of a session that clients see: a function of the session and its runs."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from msgspec import Struct

from therapy.domain.run import Run, RunKind, RunState
from therapy.domain.session import Session, State


class SessionStatus(Enum):
    """A session's state as clients see it.

    `awaiting_transcript`: waits to be transcribed, or to be tried again by itself; `transcribing`: is
    being transcribed; `failed`: needs its therapist, `failure` says why; `awaiting_review`: its therapist
    corrects the transcript; `closing`: submitted and being scored; `closed`: can be read and found;
    `cancelled`: its therapist cancelled it; `erased`: nothing of it is left.
    """

    AWAITING_TRANSCRIPT = "awaiting_transcript"
    TRANSCRIBING = "transcribing"
    FAILED = "failed"
    AWAITING_REVIEW = "awaiting_review"
    CLOSING = "closing"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ERASED = "erased"


class SessionProgress(Struct, frozen=True, omit_defaults=True):
    """How far a session is: `progress` is 0..1 of the current stage, `failure` an error code.

    `failure_details` fill in its sentence.

    `next_attempt_at` is set after a failure that is tried again automatically.
    """

    state: SessionStatus
    stage: str = ""
    progress: float = 0.0
    failure: str = ""
    failure_details: dict[str, str] = {}
    attempt: int = 0
    next_attempt_at: datetime | None = None


AWAITED = {State.AWAITING_TRANSCRIPT: RunKind.TRANSCRIBE, State.CLOSING: RunKind.SCORE}
"""The kind of run that a session waits for in each state that waits for one."""

AWAITED_KINDS = frozenset(AWAITED.values())
"""The kinds that some session waits for; whatever becomes of other runs, no session's state depends on it."""

BESIDE_KINDS = frozenset({RunKind.AMEND, RunKind.RERUN})
"""The kinds that a therapist waits for while the session's state stays as it is."""

IN_TURN_KINDS = AWAITED_KINDS | BESIDE_KINDS
"""The kinds that somebody waits for: done in the order of the waiting list."""

SCORING_KINDS = frozenset({RunKind.SCORE, RunKind.AMEND})
"""The kinds that need no recording: seconds of work on a text."""


def awaited_run(session: Session, runs: Iterable[Run]) -> Run | None:
    """Return the latest run of the kind that the session waits for; None if it waits for none."""
    kind = AWAITED.get(session.state)
    of_kind = (run for run in runs if run.kind is kind)
    return max(of_kind, key=lambda run: (run.created_at, run.id), default=None)


def progress_of(session: Session, runs: Iterable[Run]) -> SessionProgress:
    """Return the session's own state, unless the run that it waits for is being worked on or has failed."""
    run = awaited_run(session, runs)
    if run is None:
        over = session.state in {State.AWAITING_REVIEW, State.CLOSED}
        return SessionProgress(SessionStatus(session.state.value), progress=1.0 if over else 0.0)
    if run.state is RunState.FAILED:
        return SessionProgress(
            SessionStatus.FAILED,
            failure=run.error_code,
            failure_details=run.error_details,
            attempt=run.attempt,
        )
    if run.state is RunState.CLAIMED:
        working = (
            SessionStatus.TRANSCRIBING if run.kind is RunKind.TRANSCRIBE else SessionStatus.CLOSING
        )
        return SessionProgress(working, run.stage, run.progress, attempt=run.attempt)
    return SessionProgress(
        SessionStatus(session.state.value),
        stage="queued",
        failure=run.error_code,
        failure_details=run.error_details,
        attempt=run.attempt,
        next_attempt_at=run.due_at if run.error_code else None,
    )
