"""Scores: three shares that sum to 1, of the patient's speech only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import a_version, maybe_scores, said, scores, utterances
from therapy.domain.scoring import curve_of, session_scores, to_score, with_scores
from therapy.domain.sentiment import NEUTRAL, CurvePoint, Scored, Scores, curve, normalised, overall
from therapy.domain.transcript import Speaker

GOOD, BAD = Scores(1.0, 0.0, 0.0), Scores(0.0, 0.0, 1.0)
shares = st.floats(0, 1e6)
stretches = st.lists(st.builds(Scored, st.integers(0, 10**7), st.floats(0, 1e4), scores))


def assert_shares(each: Scores) -> None:
    assert min(each.positive, each.neutral, each.negative) >= 0
    assert max(each.positive, each.neutral, each.negative) <= 1
    assert each.positive + each.neutral + each.negative == pytest.approx(1, abs=0.001)


@given(shares, shares, shares)
def test_any_three_numbers_become_shares(positive, neutral, negative):
    assert_shares(normalised(positive, neutral, negative))


def test_rounding_never_makes_a_share_negative():
    for number in range(10_000):
        assert_shares(normalised(number + 0.5, 0, 9_999.5 - number))


def test_nothing_at_all_is_neutral():
    assert normalised(0, 0, 0) == overall([]) == NEUTRAL == Scores(0.0, 1.0, 0.0)


def test_a_heavier_stretch_counts_more():
    assert overall([Scored(0, 3, GOOD), Scored(1, 1, BAD)]) == Scores(0.75, 0.0, 0.25)


@given(stretches)
def test_the_whole_is_shares_too(scored):
    assert_shares(overall(scored))


@given(stretches, st.integers(-5, 10**7), st.integers(0, 40))
def test_a_curve_lies_inside_the_recording_and_in_order(scored, duration_ms, points):
    windows = curve(scored, duration_ms=duration_ms, points=points)
    assert len(windows) <= points
    edges = [edge for window in windows for edge in (window.start_ms, window.end_ms)]
    assert edges == sorted(edges)
    for window in windows:
        assert 0 <= window.start_ms < window.end_ms <= duration_ms
        assert_shares(window.scores)
    if duration_ms > 0 and points > 0:
        assert bool(windows) == bool(scored)


def test_a_curve_is_cut_into_windows_of_equal_length():
    scored = [Scored(0, 1, GOOD), Scored(4_999, 1, BAD), Scored(9_000, 1, BAD)]
    assert curve(scored, duration_ms=10_000, points=2) == (
        CurvePoint(0, 5_000, Scores(0.5, 0.0, 0.5)),
        CurvePoint(5_000, 10_000, BAD),
    )


def test_only_the_patients_lines_without_scores_are_to_be_scored():
    version = a_version(
        [
            said(0, "How are you?", Speaker.THERAPIST),
            said(1, "Bad.", Speaker.PATIENT),
            said(2, "Hm.", Speaker.UNKNOWN),
            said(3, "Good.", Speaker.PATIENT, scores=GOOD),
            said(4, "Tired.", Speaker.PATIENT),
        ]
    )
    assert to_score(version) == (1, 4)


def test_scores_are_put_on_the_lines_and_none_leaves_a_line_without():
    version = a_version([said(0, "Bad."), said(1, "7")])
    scored = with_scores(version, {0: BAD, 1: None})
    assert [each.scores for each in scored.utterances] == [BAD, None]
    assert to_score(scored) == (1,)


def test_a_line_that_is_no_longer_the_patients_loses_its_scores():
    version = a_version([said(0, "Fine.", Speaker.THERAPIST, scores=GOOD)])
    assert with_scores(version, {0: BAD}).utterances[0].scores is None


def test_the_session_is_scored_by_letters():
    version = a_version([said(0, "abc", scores=GOOD), said(1, "!! a ..", scores=BAD)])
    assert session_scores(version) == Scores(0.75, 0.0, 0.25)


def test_without_patient_speech_the_session_is_neutral():
    assert session_scores(a_version()) == NEUTRAL
    therapist = said(0, "Wonderful!", Speaker.THERAPIST, scores=GOOD)
    assert session_scores(a_version([therapist, said(1, "Bad.")])) == NEUTRAL


def test_a_line_without_letters_still_counts():
    assert session_scores(a_version([said(0, "100 %", scores=BAD)])) == BAD


def test_the_curve_of_a_version_goes_on_without_a_duration():
    version = a_version([said(0, "a", scores=GOOD), said(9_000, "b", scores=BAD)], duration_ms=0)
    first, last = curve_of(version, points=2)
    assert (first.scores, last.scores, last.end_ms) == (GOOD, BAD, 10_000)


@given(st.lists(utterances(), max_size=10), st.dictionaries(st.integers(0, 12), maybe_scores))
def test_scoring_changes_scores_and_nothing_else(spoken, given_scores):
    version = a_version(spoken)
    scored = with_scores(version, given_scores)
    assert [each.text for each in scored.utterances] == [each.text for each in spoken]
    assert all(
        each.scores is None for each in scored.utterances if each.speaker is not Speaker.PATIENT
    )
    left = {index for index in to_score(version) if given_scores.get(index) is None}
    assert set(to_score(scored)) == left
    assert_shares(session_scores(scored))
