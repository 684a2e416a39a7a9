"""Words become utterances, times survive being written, corrections keep what they don't touch."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.builders import NOW, a_version, said, utterances
from therapy.domain.errors import InvalidInput
from therapy.domain.sentiment import Scores
from therapy.domain.transcript import (
    LONG_UTTERANCE_MS,
    MAX_PAUSE_MS,
    UNSURE_BELOW,
    Line,
    Source,
    Speaker,
    Utterance,
    VoicedWord,
    Word,
    corrected,
    format_timestamp,
    in_order,
    join_words,
    parse_timestamp,
    same_lines,
)

THERAPIST, PATIENT, UNKNOWN = Speaker.THERAPIST, Speaker.PATIENT, Speaker.UNKNOWN
GOOD = Scores(1.0, 0.0, 0.0)


def word(text: str, start_ms: int, voice: str = "0", *, length: int = 200, sure: float = 1.0):
    return VoicedWord(Word(text, start_ms, start_ms + length), voice, sure)


def lines_of(version) -> list[Line]:
    """What the app sends back when the therapist changed nothing."""
    return [
        Line(each.speaker, each.text, format_timestamp(each.start_ms))
        for each in version.utterances
    ]


def correct(parent, lines):
    return corrected(parent, lines, number=parent.number + 1, at=NOW, author_id="olivia")


# Joining words.


def test_no_words_are_no_utterances():
    assert join_words([]) == ()


def test_words_of_one_voice_become_one_utterance():
    (one,) = join_words([word(" How", 0), word(" are ", 300), word("you?", 600)])
    assert (one.start_ms, one.end_ms, one.text, one.voice) == (0, 800, "How are you?", "0")
    assert [each.text for each in one.words] == [" How", " are ", "you?"]


def test_a_new_voice_begins_a_new_utterance():
    texts = [
        (each.voice, each.text) for each in join_words([word("Hi.", 0), word("Hi.", 300, "1")])
    ]
    assert texts == [("0", "Hi."), ("1", "Hi.")]


@pytest.mark.parametrize(("pause", "pieces"), [(MAX_PAUSE_MS, 1), (MAX_PAUSE_MS + 1, 2)])
def test_a_long_pause_begins_a_new_utterance(pause, pieces):
    assert len(join_words([word("I", 0), word("think", 200 + pause)])) == pieces


@pytest.mark.parametrize(("last", "pieces"), [("so.", 2), ("so", 1), ("so?", 2), ("so,", 1)])
def test_a_long_utterance_ends_with_its_sentence(last, pieces):
    spoken = [word("and", 0, length=LONG_UTTERANCE_MS - 100), word(last, LONG_UTTERANCE_MS - 100)]
    assert len(join_words([*spoken, word("Then", LONG_UTTERANCE_MS + 200)])) == pieces


@pytest.mark.parametrize(("sure", "voice"), [(UNSURE_BELOW, "0"), (UNSURE_BELOW - 0.01, "")])
def test_an_unsure_voice_is_nobodys(sure, voice):
    (one,) = join_words([word("Hm.", 0, sure=sure)])
    assert (one.voice, one.confidence) == (voice, round(sure, 3))


def test_words_that_are_only_blanks_leave_no_gap():
    (one,) = join_words([word("Yes", 0), word("  ", 300), word("no", 600)])
    assert one.text == "Yes no"


@given(
    st.lists(
        st.tuples(
            st.text(max_size=5), st.integers(0, 5_000), st.integers(0, 900), st.sampled_from("012")
        ),
        max_size=30,
    )
)
def test_joining_loses_no_word_and_mixes_no_voices(spoken):
    at, words = 0, []
    for text, pause, length, voice in spoken:
        at += pause
        words.append(word(text, at, voice, length=length))
        at += length
    joined = join_words(words)
    assert [each for one in joined for each in one.words] == [each.word for each in words]
    assert list(joined) == sorted(joined, key=lambda one: one.start_ms)
    for one in joined:
        assert one.start_ms == one.words[0].start_ms
        assert one.end_ms == one.words[-1].end_ms


# Order and times.


def test_starts_become_unique_so_that_a_start_names_its_line():
    lines = in_order([said(5, "b", end_ms=9), said(0, "a", end_ms=4), said(5, "c", end_ms=9)])
    assert [(each.start_ms, each.text) for each in lines] == [(0, "a"), (5, "b"), (6, "c")]


@given(st.lists(utterances(), max_size=20))
def test_order_is_strict_and_nothing_is_lost(spoken):
    lines = in_order(spoken)
    starts = [each.start_ms for each in lines]
    assert starts == sorted(set(starts))
    assert all(each.end_ms >= each.start_ms for each in lines)
    assert sorted(each.text for each in lines) == sorted(each.text for each in spoken)
    assert in_order(lines) == lines


@given(st.integers(0, 999 * 3_600_000))
def test_a_time_survives_being_written_and_read(ms):
    assert parse_timestamp(format_timestamp(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("00:00", 0),
        ("1:05", 65_000),
        ("75:00", 4_500_000),
        ("0:00:01.5", 1_500),
        ("00:01:02.003", 62_003),
        (" 1:02:03,25 ", 3_723_250),
        ("100:00:00", 360_000_000),
    ],
)
def test_times_are_read_as_the_app_and_people_write_them(text, ms):
    assert parse_timestamp(text) == ms


@pytest.mark.parametrize(
    "text", ["٠١:٠٩٫٥", "۰۱:۰۹.۵", "\u200f01:09,5", "1\u200f:09.500", "０１：０９．５"]
)
def test_times_are_read_in_digits_of_any_script(text):
    assert parse_timestamp(text) == 69_500


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "1:60",
        "1:60:00",
        "1:5",
        "-1:00",
        "1:00.1234",
        "1:00:00:00",
        "a:bc",
        "1:00\x00",
    ],
)
def test_anything_else_is_no_time(text):
    with pytest.raises(InvalidInput) as caught:
        parse_timestamp(text, field="[3].timestamp")
    assert (caught.value.field, caught.value.code) == ("[3].timestamp", "timestamp")


@given(st.text(max_size=20))
def test_reading_a_time_raises_nothing_else(text):
    with contextlib.suppress(InvalidInput):
        assert parse_timestamp(text) >= 0


def test_times_are_written_as_the_app_reads_them():
    assert format_timestamp(0) == "0:00:00.000"
    assert format_timestamp(3_723_004) == "1:02:03.004"


# A therapist's corrections.


def a_parent():
    words = (Word("Hello", 0, 500), Word("there", 500, 900))
    return a_version(
        [
            said(0, "Hello there", THERAPIST, voice="0", words=words),
            said(2_000, "I am fine", PATIENT, voice="1", scores=GOOD),
            said(5_000, "Hm", UNKNOWN, voice=""),
        ],
        engine="whisper tiny.en",
        language="en",
        role_confidence=0.9,
        role_reasons=("voice 0 asks 1 question in 1 turn",),
    )


def test_lines_sent_back_unchanged_keep_everything():
    parent = a_parent()
    version = correct(parent, lines_of(parent))
    assert version.utterances == parent.utterances
    assert (version.number, version.parent, version.source) == (2, 1, Source.EDIT)
    assert (version.author_id, version.engine, version.language) == (
        "olivia",
        "whisper tiny.en",
        "en",
    )
    assert (version.role_confidence, version.role_reasons) == (0.9, parent.role_reasons)


def test_a_new_text_loses_its_score_but_keeps_voice_end_and_the_times_of_its_words():
    parent = a_parent()
    lines = lines_of(parent)
    lines[0] = Line(THERAPIST, "  Hallo there ", "0:00:00.000")
    lines[1] = Line(PATIENT, "I am not fine", "0:00:02.000")
    first, second, _ = correct(parent, lines).utterances
    assert (first.text, first.voice, first.end_ms) == ("Hallo there", "0", 1_000)
    assert first.words == (Word("Hallo", 0, 500, 0.0), Word("there", 500, 900))
    assert (second.text, second.scores, second.end_ms) == ("I am not fine", None, 3_000)


def test_a_new_speaker_loses_the_score_but_keeps_the_words():
    parent = a_parent()
    lines = [replace(each, speaker=PATIENT) for each in lines_of(parent)]
    first, second, third = correct(parent, lines).utterances
    assert (first.speaker, first.words) == (PATIENT, parent.utterances[0].words)
    assert second == parent.utterances[1]
    assert third.speaker is PATIENT


def test_lines_that_a_person_changed_or_added_are_edited_and_stay_so():
    lines = lines_of(a_parent())
    lines[0] = replace(lines[0], text="Hallo")
    lines[2] = replace(lines[2], speaker=THERAPIST)
    version = correct(a_parent(), [*lines, Line(PATIENT, "Bye", "0:59")])
    assert [each.edited for each in version.utterances] == [True, False, True, True]
    again = correct(version, lines_of(version))
    assert [each.edited for each in again.utterances] == [True, False, True, True]


def test_deleted_lines_are_gone():
    parent = a_parent()
    version = correct(parent, lines_of(parent)[1:])
    assert [each.text for each in version.utterances] == ["I am fine", "Hm"]


def test_a_line_at_a_new_time_ends_where_the_next_begins_or_with_the_recording():
    parent = a_parent()
    added = [Line(PATIENT, "Yes", "0:03.5"), Line(PATIENT, "Bye", "0:59")]
    lines = correct(parent, [*lines_of(parent), *added]).utterances
    assert [(each.text, each.start_ms, each.end_ms) for each in lines[2:]] == [
        ("Yes", 3_500, 5_000),
        ("Hm", 5_000, 6_000),
        ("Bye", 59_000, 60_000),
    ]


def test_two_lines_at_one_time_stay_two():
    parent = a_parent()
    lines = [*lines_of(parent), Line(PATIENT, "And you", "0:00:02.000")]
    lines = correct(parent, lines).utterances
    assert [each.start_ms for each in lines] == [0, 2_000, 2_001, 5_000]


def test_no_lines_are_refused_unless_there_were_none():
    with pytest.raises(InvalidInput) as caught:
        correct(a_parent(), [])
    assert caught.value.code == "empty_transcript"
    assert correct(a_version(), []).utterances == ()


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_a_line_without_text_is_refused_by_its_place_and_not_its_words(text):
    parent = a_parent()
    with pytest.raises(InvalidInput) as caught:
        correct(parent, [lines_of(parent)[0], Line(PATIENT, text, "0:02")])
    assert (caught.value.field, caught.value.code) == ("[1].text", "required")


def test_errors_quote_no_text_of_the_session():
    with pytest.raises(InvalidInput) as caught:
        correct(a_parent(), [Line(PATIENT, "my secret", "my secret time")])
    assert "secret" not in str(caught.value)


def test_the_same_submission_again_is_recognised():
    parent = a_parent()
    lines = [Line(PATIENT, "Changed ", "0:00"), *lines_of(parent)[1:]]
    version = correct(parent, lines)
    assert same_lines(parent, version, lines)
    assert same_lines(parent, version, lines_of(version))
    assert not same_lines(parent, version, lines_of(parent))
    assert not same_lines(parent, version, lines[1:])
    assert not same_lines(parent, version, [])
    assert not same_lines(parent, version, [Line(PATIENT, "x", "never")])


filled = utterances().filter(lambda each: each.text.strip())


@given(st.lists(filled, max_size=10), st.data())
def test_any_correction_is_in_order_and_the_same_when_sent_again(spoken, data):
    stripped = (replace(each, text=each.text.strip()) for each in spoken)
    parent = a_version(in_order(stripped), duration_ms=90_000)
    lines = lines_of(parent)
    kept = data.draw(st.lists(st.sampled_from(lines), unique=True)) if lines else []
    edited = [
        replace(each, text="edited", speaker=data.draw(st.sampled_from(Speaker))) for each in kept
    ]
    sent = edited or lines
    version = correct(parent, sent)
    starts = [each.start_ms for each in version.utterances]
    assert starts == sorted(set(starts))
    assert len(starts) == len(sent)
    assert same_lines(parent, version, sent)
    assert same_lines(parent, version, list(reversed(sent)))
    unchanged = correct(parent, lines)
    assert [known(each) for each in unchanged.utterances] == [
        known(each) for each in parent.utterances
    ]


def known(each: Utterance) -> tuple[object, ...]:
    """All of a line but its end, which a line without a length gets anew."""
    return each.start_ms, each.text, each.speaker, each.voice, each.scores
