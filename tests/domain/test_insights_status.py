"""How far insights are: of the last run that looks for them, and only while a transcript is in force."""

import pytest

from tests.builders import HOUR, NOW, a_run, a_session, a_version
from therapy.domain.insights import Gap, Insights, Part
from therapy.domain.insights_status import (
    InsightsProgress,
    InsightsStatus,
    insights_progress,
    may_find_again,
)
from therapy.domain.run import RunKind, RunState
from therapy.domain.session import WITH_TRANSCRIPT, State

FOUND = Insights(key_phrases=("a week",))
IN_REVIEW = a_session(state=State.AWAITING_REVIEW)


def a_search(state: RunState = RunState.DUE, **changes: object):
    return a_run(kind=RunKind.INSIGHTS, state=state, **changes)


@pytest.mark.parametrize(
    ("runs", "found", "status", "failure"),
    [
        ([], None, "absent", ""),
        ([], FOUND, "ready", ""),  # by an earlier program, which found them before the transcript
        ([a_search()], None, "pending", ""),
        ([a_search(RunState.CLAIMED)], None, "pending", ""),
        ([a_search(error_code="timeout", attempt=1)], None, "pending", "timeout"),
        ([a_search()], FOUND, "pending", ""),  # looked for again
        ([a_search(RunState.DONE)], FOUND, "ready", ""),
        ([a_search(RunState.DONE)], None, "absent", ""),
        ([a_search(RunState.FAILED, error_code="timeout")], None, "failed", "timeout"),
        ([a_run(state=RunState.FAILED, error_code="decode")], None, "absent", ""),
    ],
)
def test_the_status_is_that_of_the_search(runs, found, status, failure):
    version = a_version(insights=found)
    progress = insights_progress(IN_REVIEW, runs, version)
    assert progress == InsightsProgress(InsightsStatus(status), failure)


@pytest.mark.parametrize("state", State)
def test_only_a_session_with_a_transcript_in_force_has_a_search(state):
    progress = insights_progress(a_session(state=state), [a_search()], a_version())
    expected = InsightsStatus.PENDING if state in WITH_TRANSCRIPT else InsightsStatus.ABSENT
    assert progress.status is expected


def test_of_several_searches_the_last_counts_in_any_order():
    old = a_search(RunState.FAILED, error_code="timeout")
    new = a_search(RunState.DONE, id="r2", created_at=NOW + HOUR)
    for runs in ([old, new], [new, old]):
        progress = insights_progress(IN_REVIEW, runs, a_version(insights=FOUND))
        assert progress.status is InsightsStatus.READY


@pytest.mark.parametrize(
    ("status", "gaps", "again"),
    [
        ("pending", [], False),
        ("failed", [], True),
        ("absent", [], True),
        ("ready", [], False),
        ("ready", ["language", "not_offered", "turned_off"], False),
        ("ready", ["language", "engine_failed"], True),
    ],
)
def test_another_search_is_made_only_where_it_may_find_more(status, gaps, again):
    found = Insights(gaps=tuple(Gap(Part.SUMMARY, code) for code in gaps))
    progress = InsightsProgress(InsightsStatus(status))
    assert may_find_again(progress, a_version(insights=found)) is again


def test_in_a_transcript_without_lines_nothing_is_looked_for_again():
    absent = InsightsProgress(InsightsStatus.ABSENT)
    assert not may_find_again(absent, a_version(utterances=()))
