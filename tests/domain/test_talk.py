"""Talk time, shares, words per minute and silences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import said, utterances
from therapy.domain.talk import SILENCE_MS, Silence, Talk, Voice, talk_of, voices_of
from therapy.domain.transcript import Speaker, Utterance

THERAPIST, PATIENT, UNKNOWN = Speaker.THERAPIST, Speaker.PATIENT, Speaker.UNKNOWN


def of(talk: Talk, speaker: Speaker):
    (part,) = [each for each in talk.speakers if each.speaker is speaker]
    return part


def test_time_share_words_and_speed_of_each_speaker():
    talk = talk_of(
        [
            said(0, "How are you?", THERAPIST, end_ms=3_000),
            said(3_000, "I'm fine, thank you very much.", PATIENT, end_ms=12_000),
        ],
        12_000,
    )
    therapist, patient = of(talk, THERAPIST), of(talk, PATIENT)
    assert (therapist.talk_ms, therapist.share, therapist.words) == (3_000, 0.25, 3)
    assert therapist.words_per_minute == 60.0
    assert (patient.talk_ms, patient.share, patient.words) == (9_000, 0.75, 6)
    assert patient.words_per_minute == 40.0
    assert [each.speaker for each in talk.speakers] == [THERAPIST, PATIENT, UNKNOWN]


def test_without_utterances_everything_is_nothing():
    talk = talk_of([], 0)
    assert all((each.talk_ms, each.share, each.words) == (0, 0.0, 0) for each in talk.speakers)
    assert talk.silences == ()


def test_a_recording_in_which_nobody_speaks_is_one_silence():
    talk = talk_of([], 30_000)
    assert talk.silences == (Silence(0, 30_000),)
    assert talk.silence_ms == 30_000


def test_gaps_longer_than_the_threshold_are_silences_also_at_both_ends():
    talk = talk_of([said(5_000, "a", end_ms=6_000), said(10_000, "b", end_ms=11_000)], 20_000)
    assert talk.silences == (Silence(0, 5_000), Silence(6_000, 10_000), Silence(11_000, 20_000))
    assert talk.silence_ms == 18_000


def test_a_gap_as_long_as_the_threshold_is_breath():
    talk = talk_of([said(0, "a", end_ms=1_000), said(1_000 + SILENCE_MS, "b", end_ms=9_000)], 9_000)
    assert talk.silences == ()


def test_a_speakers_own_overlap_counts_once():
    talk = talk_of([said(0, "a", end_ms=5_000), said(2_000, "b", end_ms=4_000)], 5_000)
    assert of(talk, PATIENT).talk_ms == 5_000


def test_talking_at_once_counts_for_both():
    both = [said(0, "a", THERAPIST, end_ms=4_000), said(0, "b", PATIENT, end_ms=4_000)]
    talk = talk_of(both, 4_000)
    assert of(talk, THERAPIST).talk_ms == of(talk, PATIENT).talk_ms == 4_000
    assert of(talk, THERAPIST).share == 0.5


def test_what_lies_outside_the_recording_is_cut_off():
    talk = talk_of([said(-1_000, "a", end_ms=1_000), said(4_000, "b", end_ms=9_000)], 5_000)
    assert of(talk, PATIENT).talk_ms == 2_000


def test_without_a_duration_the_last_words_end_it():
    talk = talk_of([said(0, "a", end_ms=1_000)], 0)
    assert of(talk, PATIENT).talk_ms == 1_000
    assert talk.silences == ()


def test_words_without_length_have_no_speed():
    talk = talk_of([said(1_000, "so fast", end_ms=1_000)], 2_000)
    assert (of(talk, PATIENT).words, of(talk, PATIENT).words_per_minute) == (2, 0.0)


@given(st.lists(utterances(), max_size=15), st.integers(0, 90_000))
def test_shares_sum_to_one_and_nothing_is_negative(spoken, duration_ms):
    talk = talk_of(spoken, duration_ms)
    total = sum(each.share for each in talk.speakers)
    assert total == pytest.approx(1.0) or all(each.share == 0 for each in talk.speakers)
    for each in talk.speakers:
        assert min(each.talk_ms, each.share, each.words, each.words_per_minute) >= 0
        assert each.share <= 1


@given(st.lists(utterances(), max_size=15), st.integers(1, 90_000))
def test_silences_and_speech_fit_into_the_recording(spoken, duration_ms):
    talk = talk_of(spoken, duration_ms)
    one = [Utterance(start_ms=each.start_ms, end_ms=each.end_ms, text="") for each in spoken]
    speech_ms = of(talk_of(one, duration_ms), UNKNOWN).talk_ms
    assert talk.silence_ms + speech_ms <= duration_ms
    assert talk.silence_ms == sum(each.end_ms - each.start_ms for each in talk.silences)
    for silence in talk.silences:
        assert 0 <= silence.start_ms < silence.end_ms - SILENCE_MS < duration_ms
        inside = [each for each in spoken if each.end_ms > each.start_ms]
        assert not any(
            each.start_ms < silence.end_ms and each.end_ms > silence.start_ms for each in inside
        )


@given(st.lists(utterances(), max_size=15), st.randoms())
def test_the_order_of_utterances_does_not_matter(spoken, chance):
    shuffled = list(spoken)
    chance.shuffle(shuffled)
    assert talk_of(shuffled, 70_000) == talk_of(spoken, 70_000)
    assert voices_of(shuffled) == voices_of(spoken)


def test_voices_are_listed_with_the_most_talk_first():
    spoken = [
        said(0, "a", THERAPIST, voice="1"),
        said(1_000, "b", PATIENT, voice="0", end_ms=9_000),
        said(9_000, "c", PATIENT, voice="1", end_ms=9_500),
        said(9_500, "d", UNKNOWN, voice="", end_ms=9_600),
    ]
    assert voices_of(spoken) == (
        Voice("0", PATIENT, 1, 8_000),
        Voice("1", THERAPIST, 2, 1_500),
        Voice("", UNKNOWN, 1, 100),
    )


@given(st.lists(utterances(), max_size=15))
def test_every_utterance_belongs_to_one_voice(spoken):
    voices = voices_of(spoken)
    assert sum(each.utterances for each in voices) == len(spoken)
    assert {each.voice for each in voices} == {each.voice for each in spoken}
    assert len(voices) == len({each.voice for each in voices})
