"""What whoever follows a session is told of it, and the ids by which a broken stream goes on."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.builders import NOW, PRACTICE, SESSION, a_run, a_session
from therapy.domain.errors import InvalidInput
from therapy.domain.run import Run, beaten, claimed, done, failed
from therapy.domain.run_stages import RECOGNISING, begun
from therapy.domain.session import State
from therapy.domain.session_event import (
    MOST_NAMED,
    event_id,
    event_of,
    scope_of_person,
    scope_of_session,
    seconds_left,
    told_by,
)
from therapy.domain.session_status import SessionStatus

HOLD = timedelta(seconds=30)
SCOPE = scope_of_session(PRACTICE, SESSION)


def at_work(progress: float, after: float) -> Run:
    """Return a run that was claimed at NOW and has beaten once."""
    run = claimed(a_run(), lease="1", now=NOW, hold=HOLD, within=timedelta(hours=6))
    beat = NOW + timedelta(seconds=after)
    return beaten(run, now=beat, hold=HOLD, stage="recognising", progress=progress)


def test_the_time_left_is_what_the_rest_takes_if_it_goes_on_as_fast():
    run = at_work(0.25, after=100)
    assert seconds_left(run, NOW + timedelta(seconds=100)) == 300
    assert seconds_left(run, NOW + timedelta(seconds=110)) == 290
    assert seconds_left(run, NOW + timedelta(hours=1)) == 0


def test_the_time_left_is_unknown_before_anything_is_done_and_while_nobody_works():
    later = NOW + timedelta(seconds=100)
    assert seconds_left(at_work(0.01, after=100), later) is None
    assert seconds_left(a_run(), later) is None
    assert seconds_left(done(at_work(0.5, after=100)), later) is None
    assert seconds_left(replace(at_work(0.5, after=100), claimed_at=None), later) is None


def test_the_time_left_is_unknown_if_an_earlier_claim_has_done_some_of_it():
    earlier = begun((), RECOGNISING, 1, NOW - timedelta(minutes=5))
    later = NOW + timedelta(seconds=100)
    assert seconds_left(replace(at_work(0.5, after=100), stages=earlier), later) is None
    own = begun((), RECOGNISING, 1, NOW)
    assert seconds_left(replace(at_work(0.5, after=100), stages=own), later) == 100


def test_an_event_has_the_state_that_the_session_shows():
    waiting = event_of(a_session(), [a_run()], NOW)
    assert (waiting.state, waiting.version) == (SessionStatus.AWAITING_TRANSCRIPT, None)
    working = event_of(a_session(), [at_work(0.5, after=60)], NOW + timedelta(seconds=60))
    assert (working.state, working.stage) == (SessionStatus.TRANSCRIBING, "recognising")
    assert (working.progress, working.seconds_left) == (0.5, 60)
    reviewable = a_session(state=State.AWAITING_REVIEW, transcript_number=1)
    assert event_of(reviewable, [done(a_run())], NOW).version == 1


def test_every_change_of_a_session_or_of_a_run_it_waits_for_has_a_greater_sequence():
    first = event_of(a_session(version=1), [a_run(version=1)], NOW)
    beat = event_of(a_session(version=1), [a_run(version=2)], NOW)
    written = event_of(a_session(version=2), [a_run(version=2)], NOW)
    assert first.sequence < beat.sequence < written.sequence


@given(st.dictionaries(st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True), st.integers(0, 10**9)))
def test_an_id_says_what_was_told_last(told):
    read = told_by(event_id(SCOPE, told), SCOPE)
    assert list(read.items()) == list(told.items())[-MOST_NAMED:]


def test_without_an_id_nothing_was_told():
    assert told_by("", SCOPE) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        event_id(scope_of_session(PRACTICE, "another"), {SESSION: 1}),
        event_id(scope_of_session("another practice", SESSION), {SESSION: 1}),
        event_id(scope_of_person(PRACTICE, "somebody"), {SESSION: 1}),
        "17",
        "\N{SNOWMAN}",
        f"{SCOPE}~{SESSION}:-1",
        f"{SCOPE}~{SESSION}:{10**20}",
        f"{SCOPE}~{SESSION}:1\n",
        SCOPE + f"~{SESSION}:1" * 10_000,
    ],
)
def test_an_id_of_another_stream_or_of_none_is_refused(wrong):
    with pytest.raises(InvalidInput) as refused:
        told_by(wrong, SCOPE)
    assert (refused.value.code, refused.value.details["field"]) == (
        "last_event_id",
        "Last-Event-ID",
    )


def test_a_run_that_waits_again_after_a_failure_says_so():
    run = failed(a_run(), error_class=None, code="model", now=NOW)  # type: ignore[arg-type] # any class
    assert event_of(a_session(), [run], NOW).state is SessionStatus.AWAITING_TRANSCRIPT


def test_an_id_that_names_more_sessions_than_any_of_ours_is_refused_before_they_are_read():
    named = [f"~{number}:1" for number in range(MOST_NAMED + 1)]
    assert len(told_by(SCOPE + "".join(named[1:]), SCOPE)) == MOST_NAMED
    with pytest.raises(InvalidInput):
        told_by(SCOPE + "".join(named), SCOPE)
