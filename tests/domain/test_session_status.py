"""What the API calls a session's state, as a table of the session's state and its run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain.builders import NOW, a_run, a_session
from therapy.domain.run import RunKind, RunState
from therapy.domain.session import State
from therapy.domain.session_status import (
    AWAITED,
    AWAITED_KINDS,
    SessionProgress,
    SessionStatus,
    awaited_run,
    progress_of,
)

LATER = NOW + timedelta(seconds=30)
HEARD = {"stage": "listening", "progress": 0.4, "lease": "a", "claims": 1}
BROKEN = {"error_code": "decode", "attempt": 1}
WAITING = {"error_code": "engine_failed", "attempt": 2, "due_at": LATER}

TABLE = {
    "new, no run yet": (
        State.AWAITING_TRANSCRIPT,
        None,
        SessionProgress(SessionStatus.AWAITING_TRANSCRIPT),
    ),
    "queued": (
        State.AWAITING_TRANSCRIPT,
        (RunKind.TRANSCRIBE, RunState.DUE, {}),
        SessionProgress(SessionStatus.AWAITING_TRANSCRIPT, stage="queued"),
    ),
    "at work": (
        State.AWAITING_TRANSCRIPT,
        (RunKind.TRANSCRIBE, RunState.CLAIMED, HEARD),
        SessionProgress(SessionStatus.TRANSCRIBING, "listening", 0.4),
    ),
    "failed": (
        State.AWAITING_TRANSCRIPT,
        (RunKind.TRANSCRIBE, RunState.FAILED, BROKEN),
        SessionProgress(SessionStatus.FAILED, failure="decode", attempt=1),
    ),
    "to be tried again": (
        State.AWAITING_TRANSCRIPT,
        (RunKind.TRANSCRIBE, RunState.DUE, WAITING),
        SessionProgress(
            SessionStatus.AWAITING_TRANSCRIPT,
            "queued",
            failure="engine_failed",
            attempt=2,
            next_attempt_at=LATER,
        ),
    ),
    "waiting for review": (
        State.AWAITING_REVIEW,
        (RunKind.TRANSCRIBE, RunState.DONE, {}),
        SessionProgress(SessionStatus.AWAITING_REVIEW, progress=1.0),
    ),
    "closing, queued": (
        State.CLOSING,
        (RunKind.SCORE, RunState.DUE, {}),
        SessionProgress(SessionStatus.CLOSING, stage="queued"),
    ),
    "closing, at work": (
        State.CLOSING,
        (RunKind.SCORE, RunState.CLAIMED, {"stage": "scoring", "progress": 0.5, "lease": "a"}),
        SessionProgress(SessionStatus.CLOSING, "scoring", 0.5),
    ),
    "closing failed": (
        State.CLOSING,
        (RunKind.SCORE, RunState.FAILED, {"error_code": "engine_failed", "attempt": 5}),
        SessionProgress(SessionStatus.FAILED, failure="engine_failed", attempt=5),
    ),
    "closed": (
        State.CLOSED,
        (RunKind.SCORE, RunState.DONE, {}),
        SessionProgress(SessionStatus.CLOSED, progress=1.0),
    ),
    "cancelled while at work": (
        State.CANCELLED,
        (RunKind.TRANSCRIBE, RunState.CLAIMED, HEARD),
        SessionProgress(SessionStatus.CANCELLED),
    ),
    "cancelled after a failure": (
        State.CANCELLED,
        (RunKind.TRANSCRIBE, RunState.FAILED, BROKEN),
        SessionProgress(SessionStatus.CANCELLED),
    ),
    "erased": (State.ERASED, None, SessionProgress(SessionStatus.ERASED)),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_state_is_derived_from_the_session_and_its_run(name):
    state, run, expected = TABLE[name]
    runs = []
    if run is not None:
        kind, run_state, more = run
        runs = [a_run(kind=kind, state=run_state, **more)]
    assert progress_of(a_session(state=state), runs) == expected


@pytest.mark.parametrize("state", [State.AWAITING_REVIEW, State.CLOSED, State.CANCELLED])
def test_runs_of_a_past_stage_say_nothing(state):
    broken = [a_run(kind=kind, state=RunState.FAILED, **BROKEN) for kind in RunKind]
    assert progress_of(a_session(state=state), broken).state is SessionStatus(state.value)


def test_a_closing_session_is_not_failed_by_how_it_was_transcribed():
    broken = a_run(state=RunState.FAILED, **BROKEN)
    assert progress_of(a_session(state=State.CLOSING), [broken]).state is SessionStatus.CLOSING


def test_of_several_runs_the_latest_counts_whatever_their_order():
    old = a_run(state=RunState.FAILED, **BROKEN)
    new = a_run(id="r2", created_at=LATER, state=RunState.CLAIMED, **HEARD)
    for runs in ([old, new], [new, old]):
        assert progress_of(a_session(), runs).state is SessionStatus.TRANSCRIBING


@pytest.mark.parametrize("state", State)
def test_a_session_waits_for_one_kind_of_run_or_for_none(state):
    runs = [a_run(id=kind.value, kind=kind) for kind in RunKind]
    awaited = awaited_run(a_session(state=state), runs)
    expected = {State.AWAITING_TRANSCRIPT: RunKind.TRANSCRIBE, State.CLOSING: RunKind.SCORE}
    assert (awaited and awaited.kind) == expected.get(state)
    assert AWAITED.get(state) is expected.get(state)


def test_kinds_of_runs_that_no_state_awaits_are_insights_and_work_beside_the_state():
    beside = {RunKind.INSIGHTS, RunKind.AMEND, RunKind.RERUN, RunKind.PLAYBACK}
    assert AWAITED_KINDS == set(AWAITED.values()) == set(RunKind) - beside


@pytest.mark.parametrize("ids", [["a", "b"], ["b", "a"]])
def test_of_runs_made_at_one_moment_the_same_one_is_awaited_in_any_order(ids):
    runs = [a_run(id=each) for each in ids]
    awaited = awaited_run(a_session(), runs)
    assert awaited is not None
    assert awaited.id == "b"


def test_every_state_of_a_session_has_a_name_for_clients():
    assert {state.value for state in State} <= {state.value for state in SessionStatus}
    assert {state.value for state in SessionStatus} - {state.value for state in State} == {
        "transcribing",
        "failed",
    }
