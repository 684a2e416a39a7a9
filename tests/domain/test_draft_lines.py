"""Lines of a draft: what stays with a line that is edited, split or merged."""

import pytest
from msgspec.structs import replace

from tests.domain.builders import a_version, said
from therapy.domain.draft_lines import (
    drafted,
    merged,
    split,
    with_speakers,
    with_texts,
)
from therapy.domain.edited_lines import EditedLine
from therapy.domain.errors import InvalidInput
from therapy.domain.transcript import Speaker, Utterance, Word

HEARD = (Word("I", 0, 100, 0.9), Word("slept", 150, 400), Word("well", 500, 900))
FIRST = said(0, "I slept well", voice="1", words=HEARD, flags=("guess",), heard="I slipped well")
SECOND = said(1_500, "Good.", Speaker.THERAPIST, voice="0", words=(Word("Good.", 1_500, 1_800),))
BASE = a_version([FIRST, SECOND])


def sent(line, **changes):
    return replace(EditedLine(line.start_ms, line.speaker, line.text), **changes)


def test_lines_that_are_sent_as_they_were_are_as_they_were():
    assert drafted(BASE, (), [sent(FIRST), sent(SECOND)]) == (FIRST, SECOND)


def test_another_text_takes_the_words_and_doubts_and_another_speaker_does_not():
    told = drafted(BASE, (), [sent(FIRST, text="I slept"), sent(SECOND, speaker=Speaker.PATIENT)])
    assert told[0] == replace(FIRST, text="I slept", words=(), flags=(), heard="", edited=True)
    assert told[1] == replace(SECOND, speaker=Speaker.PATIENT, edited=True)


def test_a_text_that_is_undone_has_its_words_again():
    edited = drafted(BASE, (), [sent(FIRST, text="I"), sent(SECOND)])
    assert drafted(BASE, edited, [sent(FIRST), sent(SECOND)]) == (FIRST, SECOND)


def test_lines_that_were_split_keep_their_words_when_the_draft_is_saved_again():
    halves = split([FIRST, SECOND], 0, 2)
    again = drafted(BASE, halves, [sent(each) for each in halves])
    assert again == halves
    assert [each.text for each in halves] == ["I slept", "well", "Good."]
    assert halves[1].words == HEARD[2:]


def test_a_new_line_ends_where_the_next_one_begins_or_as_it_says():
    added = drafted(
        BASE, (), [EditedLine(5, Speaker.UNKNOWN, "a"), EditedLine(9, Speaker.UNKNOWN, "b")]
    )
    assert [(each.start_ms, each.end_ms, each.edited) for each in added] == [
        (5, 9, True),
        (9, 60_000, True),
    ]
    assert drafted(BASE, (), [sent(FIRST, end_ms=70)])[0].end_ms == 70
    assert drafted(BASE, (), []) == ()


@pytest.mark.parametrize(
    ("starts", "code", "field"),
    [
        ((0, 5, 5), "equal_starts", "lines[2].start_ms"),
        ((0, 9, 5), "lines_out_of_order", "lines[2].start_ms"),
    ],
)
def test_lines_out_of_order_and_equal_starts_are_named(starts, code, field):
    with pytest.raises(InvalidInput) as caught:
        drafted(BASE, (), [EditedLine(start, Speaker.UNKNOWN, "a") for start in starts])
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_line_does_not_end_before_it_begins():
    with pytest.raises(InvalidInput, match="ends_before_start"):
        drafted(BASE, (), [EditedLine(5, Speaker.UNKNOWN, "a", 4)])


def test_speakers_that_are_swapped_twice_are_as_they_were():
    def swapped(lines):
        other = {Speaker.PATIENT: Speaker.THERAPIST, Speaker.THERAPIST: Speaker.PATIENT}
        return with_speakers(BASE, lines, lambda each: other[each.speaker])

    once = swapped(BASE.utterances)
    assert [each.speaker for each in once] == [Speaker.THERAPIST, Speaker.PATIENT]
    assert [each.edited for each in once] == [True, True]
    assert [each.words for each in once] == [FIRST.words, SECOND.words]
    assert swapped(once) == BASE.utterances


def test_texts_are_changed_by_the_starts_of_their_lines():
    told = with_texts(BASE, BASE.utterances, {1_500: "Bad."})
    assert told == (FIRST, replace(SECOND, text="Bad.", words=(), edited=True))


def test_a_split_is_where_its_word_was_heard_and_the_words_keep_their_times():
    first, second, third = split([FIRST, SECOND], 0, 1)
    assert (first.text, first.end_ms, first.words) == ("I", 100, HEARD[:1])
    assert (second.text, second.start_ms, second.words) == ("slept well", 150, HEARD[1:])
    assert second.end_ms == FIRST.end_ms
    assert {first.voice, second.voice} == {"1"}
    assert (first.edited, second.edited) == (True, True)
    assert third == SECOND


def test_a_split_of_an_edited_line_is_where_the_word_was_heard_that_is_the_same():
    edited = drafted(BASE, (), [sent(FIRST, text="I slept very well"), sent(SECOND)])
    first, second, _ = split(edited, 0, 3, BASE.utterances)
    assert (first.text, second.text, second.start_ms) == ("I slept very", "well", 500)
    assert [each.text for each in first.words] == ["I", "slept", "very"]
    assert second.words == HEARD[2:]


def test_a_split_of_a_line_without_words_is_estimated_from_its_letters():
    line = said(1_000, "aaaa bbbb", end_ms=2_000)
    first, second = split([line], 1_000, 1)
    assert (first.end_ms, second.start_ms, second.end_ms) == (1_500, 1_500, 2_000)


@pytest.mark.parametrize(("at", "start"), [(0, 0), (3, 0), (-1, 0)])
def test_a_line_is_not_split_where_it_has_no_word(at, start):
    with pytest.raises(InvalidInput, match="no_such_word"):
        split([FIRST, SECOND], start, at)


def test_a_line_that_is_not_there_or_has_no_room_behind_it_is_not_split():
    with pytest.raises(InvalidInput, match="no_such_line"):
        split([FIRST], 1, 1)
    crowded = said(0, "a b", end_ms=0), said(1, "c")
    with pytest.raises(InvalidInput, match="no_room_for_line"):
        split(crowded, 0, 1)


def test_every_split_keeps_starts_unique_and_in_order():
    late = Word("b", 9_000, 9_100)
    overlapping = Utterance(0, 9_100, "a b", words=(Word("a", 0, 10), late)), said(5_000, "c")
    first, second, _ = split(overlapping, 0, 1)
    assert (first.start_ms, second.start_ms) == (0, 4_999)
    assert second.words == (late,)


def test_lines_that_were_split_are_one_again_when_they_are_merged():
    halves = split([FIRST, SECOND], 0, 2)
    (one, second) = merged(halves, [each.start_ms for each in halves[:2]])
    assert one == replace(FIRST, edited=True)
    assert second == SECOND


def test_a_merged_line_has_the_first_ones_start_and_speaker_and_both_ones_words():
    (one,) = merged([FIRST, SECOND], [0, 1_500])
    assert (one.start_ms, one.end_ms, one.text) == (0, 2_500, "I slept well Good.")
    assert (one.speaker, one.voice) == (Speaker.PATIENT, "")
    assert one.words == (*HEARD, *SECOND.words)
    (typed,) = merged([replace(FIRST, words=()), SECOND], [0, 1_500])
    assert typed.words == ()


def test_a_merged_or_split_line_whose_text_is_edited_stays_what_it_has_become():
    (one,) = merged([FIRST, SECOND], [0, 1_500])
    (edited,) = drafted(BASE, [one], [sent(one, text="I slept well. Good!")])
    assert (edited.voice, edited.end_ms) == ("", 2_500)
    halves = split([FIRST, SECOND], 0, 2)
    first, *_ = drafted(BASE, halves, [sent(halves[0], text="I sleep"), *map(sent, halves[1:])])
    assert first.end_ms == halves[0].end_ms


@pytest.mark.parametrize(
    ("starts", "code"),
    [
        ([0], "merge_two_lines"),
        ([0, 3_000], "lines_not_neighbours"),
        ([1_500, 0], "lines_not_neighbours"),
        ([0, 7], "no_such_line"),
    ],
)
def test_only_neighbours_are_merged(starts, code):
    with pytest.raises(InvalidInput) as caught:
        merged([FIRST, SECOND, said(3_000, "c")], starts)
    assert caught.value.code == code
