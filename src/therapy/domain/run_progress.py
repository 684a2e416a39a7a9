"""How far amendments and reruns are: runs that leave the state of their session as it is.

The version in force is what readers see until such a run is done.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from msgspec import Struct

from therapy.domain.run import Run, RunKind, RunState
from therapy.domain.session import WITH_TRANSCRIPT, Session, State


class WorkState(Enum):
    """How far an amendment, or a recognition that was asked for again, is."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class RunProgress(Struct, frozen=True):
    """How far such a run is: `progress` is 0..1, `failure` an error code ("" = none).

    `version` is the number of the version that it made, 0 before there is one.
    """

    state: WorkState
    version: int
    stage: str = ""
    progress: float = 0.0
    attempt: int = 0
    next_attempt_at: datetime | None = None
    failure: str = ""
    failure_details: dict[str, str] = {}


def amendment_run(runs: Iterable[Run]) -> Run | None:
    """Return the run of the last amendment; None if there is none."""
    of_kind = (run for run in runs if run.kind is RunKind.AMEND)
    return max(of_kind, key=lambda run: run.transcript, default=None)


def rerun_run(runs: Iterable[Run]) -> Run | None:
    """Return the run that recognised the recording again, the last one; None if there is none."""
    of_kind = (run for run in runs if run.kind is RunKind.RERUN)
    return max(of_kind, key=lambda run: (run.created_at, run.id), default=None)


def open_amendment(session: Session, runs: Iterable[Run]) -> Run | None:
    """Return the run of an amendment that is not in force yet, at work or failed; None if there is none."""
    run = amendment_run(runs)
    if run is None or session.state is not State.CLOSED or run.state is RunState.DONE:
        return None
    return run if run.transcript > session.transcript_number else None


def failed_amendment_or_rerun(session: Session, runs: Iterable[Run]) -> Run | None:
    """Return the amendment or rerun that failed and may be tried again; None if none did."""
    runs = tuple(runs)
    amending, again = open_amendment(session, runs), rerun_run(runs)
    if amending is not None and amending.state is RunState.FAILED:
        return amending
    if again is not None and again.state is RunState.FAILED and session.state in WITH_TRANSCRIPT:
        return again
    return None


def run_progress(run: Run | None) -> RunProgress | None:
    """Return how far the work of a run is; None without one."""
    if run is None:
        return None
    waits = run.state is RunState.DUE and bool(run.error_code)
    return RunProgress(
        state=_STATES[run.state],
        version=run.transcript,
        stage=run.stage,
        progress=run.progress,
        attempt=run.attempt,
        next_attempt_at=run.due_at if waits else None,
        failure=run.error_code,
        failure_details=run.error_details,
    )


_STATES = {
    RunState.DUE: WorkState.WAITING,
    RunState.CLAIMED: WorkState.WORKING,
    RunState.DONE: WorkState.DONE,
    RunState.FAILED: WorkState.FAILED,
}
