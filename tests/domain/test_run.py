"""The policy of runs: who may claim, what a failure does, when it is enough."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.builders import NOW, a_run
from therapy.domain.errors import ErrorClass
from therapy.domain.run import (
    CLOCKS_APART,
    FIRST_PAUSE,
    INSIGHTS_PAUSE,
    MAX_ATTEMPTS,
    MAX_DEATHS,
    Run,
    RunKind,
    RunState,
    again,
    beaten,
    claimable,
    claimed,
    done,
    failed,
    put_back,
)

HOLD, WITHIN = timedelta(seconds=60), timedelta(hours=3)
SECOND = timedelta(seconds=1)


def claim(run: Run, now: datetime = NOW, lease: str = "a") -> Run:
    return claimed(run, lease=lease, now=now, hold=HOLD, within=WITHIN)


def fail(run: Run, error_class: ErrorClass = ErrorClass.TRANSIENT, now: datetime = NOW) -> Run:
    return failed(run, error_class=error_class, code="engine_failed", now=now)


def test_a_new_run_may_be_claimed_whatever_its_place_in_the_waiting_list():
    for place in (NOW - HOLD, NOW, NOW + SECOND, NOW + 100 * HOLD):
        assert claimable(a_run(due_at=place), NOW)


def test_a_claim_holds_for_its_lease_and_no_longer():
    run = claim(a_run())
    assert (run.state, run.lease, run.claims) == (RunState.CLAIMED, "a", 1)
    assert (run.beat_at, run.deadline) == (NOW, NOW + WITHIN)
    assert not claimable(run, NOW + HOLD - SECOND)
    assert claimable(run, NOW + HOLD)


@pytest.mark.parametrize("back", [timedelta(minutes=3), timedelta(hours=2), timedelta(days=400)])
def test_a_clock_set_back_keeps_nobody_from_a_dead_workers_run(back):
    dead, waiting, new = claim(a_run()), fail(fail(claim(a_run()))), a_run()
    for run in (dead, waiting, new):
        assert claimable(run, NOW - back)


def test_a_clock_that_is_a_little_behind_takes_over_nothing():
    for run in (claim(a_run()), fail(claim(a_run())), fail(fail(claim(a_run())))):
        assert not claimable(run, run.due_at - SECOND)
        assert not claimable(run, NOW - CLOCKS_APART)


def test_a_beat_holds_on_and_progress_never_goes_back():
    run = beaten(claim(a_run()), now=NOW + SECOND, hold=HOLD, stage="listening", progress=0.5)
    run = beaten(run, now=NOW + 2 * SECOND, hold=HOLD, stage="listening", progress=0.2)
    assert (run.progress, run.stage, run.beat_at) == (0.5, "listening", NOW + 2 * SECOND)
    assert not claimable(run, NOW + HOLD)
    assert run.deadline == NOW + WITHIN


def test_a_claim_begins_from_nothing():
    run = beaten(claim(a_run()), now=NOW, hold=HOLD, stage="listening", progress=0.5)
    after = claim(fail(run), lease="b")
    assert (after.progress, after.error_class, after.error_code) == (0.0, None, "")
    assert (after.lease, after.claims, after.attempt) == ("b", 2, 1)


def test_a_run_put_back_is_due_at_once_and_did_not_count():
    run = put_back(claim(a_run()), now=NOW + SECOND)
    assert (run.state, run.lease, run.claims) == (RunState.DUE, "", 0)
    assert claimable(run, NOW + SECOND)


def test_a_run_that_is_done_is_over():
    run = done(claim(a_run()))
    assert (run.state, run.progress, run.lease) == (RunState.DONE, 1.0, "")
    assert not claimable(run, NOW + 100 * HOLD)


def test_a_permanent_failure_is_the_end():
    run = fail(claim(a_run()), ErrorClass.PERMANENT)
    assert (run.state, run.attempt, run.error_code) == (RunState.FAILED, 1, "engine_failed")
    assert run.error_class is ErrorClass.PERMANENT
    assert not claimable(run, NOW + 100 * HOLD)


def test_insights_are_tried_again_when_an_outage_of_some_minutes_is_over():
    run = fail(claim(a_run(kind=RunKind.INSIGHTS)))
    assert run.due_at - NOW == INSIGHTS_PAUSE >= timedelta(minutes=5)
    assert not claimable(run, NOW + INSIGHTS_PAUSE - SECOND)
    assert claimable(run, NOW + INSIGHTS_PAUSE)
    assert claimable(run, NOW - timedelta(minutes=1))  # the clock was set back


def test_pauses_between_attempts_double_until_it_is_enough():
    run, pauses = a_run(), []
    while not run.over:
        run = fail(claim(run))
        pauses.append(run.due_at - NOW)
    assert run.attempt == MAX_ATTEMPTS
    assert pauses == [FIRST_PAUSE * factor for factor in (1, 2, 4, 8, 16)]


def test_deaths_of_a_child_process_are_enough_before_attempts_are():
    run = fail(claim(a_run(deaths=MAX_DEATHS - 1)))
    assert not run.over
    assert fail(claim(replace(run, deaths=MAX_DEATHS))).state is RunState.FAILED


def test_a_failed_run_starts_over_when_somebody_asks():
    failure = fail(claim(a_run(deaths=MAX_DEATHS)), ErrorClass.PERMANENT)
    run = again(failure, place=NOW + SECOND)
    assert claimable(run, NOW + SECOND)
    assert (run.state, run.claims, run.attempt, run.deaths) == (RunState.DUE, 0, 0, 0)
    assert (run.error_class, run.error_code, run.progress) == (None, "", 0.0)


@pytest.mark.parametrize("state", RunState)
def test_over_is_done_or_failed(state):
    assert a_run(state=state).over == (state in {RunState.DONE, RunState.FAILED})


STEPS = ("claim", "beat", "put back", "transient", "permanent", "done", "again", "wait")


@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 300), st.floats(0, 2)), max_size=40)
)
def test_whatever_happens_a_run_stays_sound(steps):
    """Steps are taken only where a worker could take them: work on a claimed run, claims of due ones."""
    run, now, leases = a_run(), NOW, 0
    for step, seconds, progress in steps:
        now += timedelta(seconds=seconds)
        before = run
        if step == "claim" and claimable(run, now):
            leases += 1
            run = claim(run, now, lease=str(leases))
            assert run.claims == before.claims + 1
        elif step == "again" and run.state is RunState.FAILED:
            run = again(run, place=now)
        elif run.state is RunState.CLAIMED:
            run = work(run, step, now, progress)
        assert (run.state is RunState.CLAIMED) == bool(run.lease)
        assert 0.0 <= run.progress <= 1.0
        assert 0 <= run.attempt <= MAX_ATTEMPTS
        assert run.claims >= 0
        assert (run.attempt < MAX_ATTEMPTS) or run.over
        assert (run.state is RunState.FAILED) <= bool(run.error_code)
        unchanged = (
            "id",
            "session_id",
            "practice_id",
            "kind",
            "created_at",
            "languages",
            "version",
        )
        assert all(getattr(run, name) == getattr(a_run(), name) for name in unchanged)


def work(run: Run, step: str, now: datetime, progress: float) -> Run:
    if step == "beat":
        after = beaten(run, now=now, hold=HOLD, stage="listening", progress=progress)
        assert after.progress >= run.progress
        return after
    if step == "put back":
        return put_back(run, now=now)
    if step in {"transient", "permanent"}:
        return fail(run, ErrorClass(step), now)
    return done(run) if step == "done" else run


def test_a_failure_keeps_the_names_that_its_sentence_needs_until_it_is_tried_again():
    heard = {"languages": "en-US", "heard": "es"}
    after = failed(
        a_run(), error_class=ErrorClass.PERMANENT, code="language", now=NOW, details=heard
    )
    assert after.error_details == heard
    assert again(after, place=NOW).error_details == {}
