"""Drafts as differences: what comes back is what was edited, and it is small."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.builders import NOW, a_version, said
from therapy.domain import codec
from therapy.domain.draft import (
    MOST_PARTS,
    PART_MS,
    REMEMBERED_LINES,
    REMEMBERED_SAVES,
    Draft,
    DraftPart,
    LineChange,
    applied,
    changed_since,
    changed_starts,
    difference,
    in_parts,
    saved,
)
from therapy.domain.transcript import Speaker, Utterance, Word

words = st.builds(Word, st.sampled_from(["a", "ב"]), st.integers(0, 9), st.integers(0, 9))


a_line = st.builds(
    Utterance,
    start_ms=st.integers(0, 9),
    end_ms=st.integers(9, 12),
    text=st.sampled_from(["", "a", "b c", "שלום"]),
    speaker=st.sampled_from(Speaker),
    voice=st.sampled_from(["", "1"]),
    confidence=st.sampled_from([0.5, 1.0]),
    words=st.lists(words, max_size=2).map(tuple),
    flags=st.sampled_from([(), ("guess",)]),
    heard=st.sampled_from(["", "I slipped well"]),
    edited=st.booleans(),
)


def lines() -> st.SearchStrategy[tuple[Utterance, ...]]:
    """Lines as a draft can have them: every start once, in order; no scores."""
    return st.lists(a_line, max_size=8, unique_by=lambda each: each.start_ms).map(
        lambda found: tuple(sorted(found, key=lambda each: each.start_ms))
    )


@given(lines(), lines())
def test_the_difference_to_its_base_gives_a_draft_back_exactly(base, edited):
    changes = difference(base, edited)
    assert applied(base, changes) == edited
    assert [each.start_ms for each in changes] == sorted({each.start_ms for each in changes})
    stored = codec.decode(DraftPart, codec.encode(DraftPart("r", changes)))
    assert applied(base, stored.changes) == edited


@given(lines())
def test_what_was_not_edited_is_no_change(base):
    assert difference(base, base) == ()
    assert applied(base, ()) == base


def test_a_change_has_only_the_fields_that_differ():
    word = Word("a", 0, 10)
    base = (said(0, "a", words=(word,)), said(2_000, "b"), said(4_000, "c"))
    edited = (
        replace(base[0], speaker=Speaker.THERAPIST, edited=True),
        replace(base[2], text="d"),
        said(5_000, ""),
    )
    assert difference(base, edited) == (
        LineChange(0, speaker=Speaker.THERAPIST, edited=True),
        LineChange(2_000, removed=True),
        LineChange(4_000, text="d"),
        LineChange(5_000, end_ms=6_000, speaker=Speaker.PATIENT),
    )
    assert applied(base, difference((), [Utterance(7, 7, "")])) == (
        base[0],
        Utterance(7, 7, ""),
        *base[1:],
    )


@given(st.lists(st.integers(0, 10 * PART_MS * MOST_PARTS), unique=True, max_size=20))
def test_parts_are_pieces_of_the_recording_in_order_and_no_more_than_a_commit_takes(starts):
    changes = tuple(LineChange(start, removed=True) for start in sorted(starts))
    parts = in_parts(changes)
    assert tuple(each for name in sorted(parts) for each in parts[name]) == changes
    assert all(len(name) == 2 and int(name) < MOST_PARTS for name in parts)


def test_the_lines_that_are_not_the_same_in_two_drafts_are_told_by_their_starts():
    before = in_parts(
        [LineChange(1, text="a"), LineChange(2, text="b"), LineChange(PART_MS, text="c")]
    )
    after = in_parts(
        [LineChange(1, text="a"), LineChange(2, text="B"), LineChange(9, removed=True)]
    )
    assert changed_starts(before, after) == (2, 9, PART_MS)


def a_draft():
    return Draft("north", "s1", "olivia", "r0", NOW, base_version=1)


def test_another_tab_is_told_what_was_saved_since_its_own_save():
    draft = a_draft()
    for number, changed in enumerate([(1,), (2, 3), (3, 4)], 1):
        draft = saved(draft, f"r{number}", NOW + timedelta(seconds=number), changed)
    assert changed_since(draft, ["r1"]) == ((2, 3, 4), NOW + timedelta(seconds=3), False)
    assert changed_since(draft, ["r3"]).lines == ()
    unknown = changed_since(draft, ["of another draft"])
    assert (unknown.lines, unknown.more) == ((1, 2, 3, 4), True)


def test_a_draft_remembers_few_saves_and_few_lines_of_each_and_says_that_there_were_more():
    draft = a_draft()
    for number in range(50):
        draft = saved(draft, f"r{number}", NOW, range(number, number + 30))
    assert len(draft.saves) == REMEMBERED_SAVES
    assert len(codec.encode(draft)) < 4_000
    found = changed_since(draft, ["r48"])
    assert (found.lines, found.more) == (tuple(range(49, 49 + REMEMBERED_LINES)), True)
    assert changed_since(draft, ["r1"]).more


def test_a_draft_that_is_over_has_no_base():
    assert a_draft().is_open
    assert not Draft("north", "s1", "olivia", "r", NOW).is_open
    assert a_version().number == 1
