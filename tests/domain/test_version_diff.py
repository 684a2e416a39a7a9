"""What differs between two versions: every line once, in order, and every word of both."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.builders import a_version, said
from therapy.domain.transcript import Speaker, Utterance, in_order
from therapy.domain.version_diff import ChangeKind, LineChange, WordChange, changes, word_changes

SAME, ADDED, REMOVED = WordChange.SAME, WordChange.ADDED, WordChange.REMOVED


def between(old: list[Utterance], new: list[Utterance]) -> list[LineChange]:
    return list(changes(a_version(old), a_version(new)))


def kinds(old: list[Utterance], new: list[Utterance]) -> list[str]:
    return [each.kind.value for each in between(old, new)]


def written(old: str, new: str) -> str:
    """The word changes of a line: -removed +added."""
    signs = {SAME: "", ADDED: "+", REMOVED: "-"}
    found = word_changes(old.split(), new.split(), {})
    return " ".join(signs[what] + word for what, word in found)


def test_every_kind_of_change_is_told() -> None:
    old = [said(0, "I slept"), said(2_000, "badly"), said(4_000, "Yes."), said(6_000, "Bye")]
    new = [
        said(0, "I slept well"),
        said(2_000, "badly", Speaker.THERAPIST),
        said(6_000, "Bye"),
        said(8_000, "See you"),
    ]
    found = between(old, new)
    assert [(each.kind.value, each.old, each.new) for each in found] == [
        ("replaced", old[0], new[0]),
        ("speaker", old[1], new[1]),
        ("removed", old[2], None),
        ("same", old[3], new[2]),
        ("added", None, new[3]),
    ]
    assert [each.words for each in found] == [
        ((SAME, "I"), (SAME, "slept"), (ADDED, "well")),
        ((SAME, "badly"),),
        ((REMOVED, "Yes."),),
        ((SAME, "Bye"),),
        ((ADDED, "See"), (ADDED, "you")),
    ]


def test_lines_with_other_words_and_another_speaker_are_replaced() -> None:
    assert kinds([said(0, "a")], [said(0, "b", Speaker.THERAPIST)]) == ["replaced"]


def test_what_was_recognised_again_at_other_times_is_the_same() -> None:
    old = [said(0, "How are you?"), said(2_000, "Fine."), said(4_000, "Good.")]
    new = [said(30, "How are you?"), said(2_040, "I am fine."), said(4_010, "Good.")]
    assert kinds(old, new) == ["same", "replaced", "same"]


def test_of_equal_lines_that_is_removed_which_is_not_there_any_more() -> None:
    old = [said(1_000 * n, "Yes.") for n in range(4)]
    found = between(old, [old[0], old[2], old[3]])
    assert [(each.kind.value, each.old) for each in found][1] == ("removed", old[1])


def test_a_line_that_was_split_is_replaced_by_its_first_part_and_the_rest_is_added() -> None:
    old = [said(0, "How are you? Fine."), said(5_000, "Good.")]
    new = [said(0, "How are you?"), said(600, "Fine."), said(5_000, "Good.")]
    assert kinds(old, new) == ["replaced", "added", "same"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("we met Jonson there", "we met Johnson there", "we met -Jonson +Johnson there"),
        ("10 mg", "1.0 mg", "-10 +1.0 mg"),
        ("slept well", "slept well.", "slept -well +well."),
        ("a b c", "c a b", "+c a b -c"),
        ("שלום לך", "שָׁלוֹם לך", "-שלום +שָׁלוֹם לך"),
        ("בית־ספר טוב", "בית ספר טוב", "-בית־ספר +בית +ספר טוב"),
        ("ג'ורג הלך", "ג׳ורג הלך", "-ג'ורג +ג׳ורג הלך"),
        ("👍 טוב", "👎 טוב", "-👍 +👎 טוב"),
        ("x", "\u200fx", "-x +\u200fx"),
        ("", "a", "+a"),
    ],
)
def test_words_are_compared_as_they_are_written(old: str, new: str, told: str) -> None:
    assert written(old, new) == told


def test_unicode_forms_and_blanks_make_no_difference() -> None:
    composed, apart = (unicodedata.normalize(form, "café é שׁ") for form in ("NFC", "NFD"))
    assert kinds([said(0, composed)], [said(0, apart.replace(" ", "  "))]) == ["same"]


words = st.sampled_from(["a", "b", "A", "לא", "לֹא", "é", "e\u0301", "—", "😀"])
texts = st.lists(words, min_size=1, max_size=6).map(" ".join)
speakers = st.sampled_from([Speaker.THERAPIST, Speaker.PATIENT])
lines = st.lists(
    st.builds(said, st.integers(0, 9).map(lambda at: at * 700), texts, speakers), max_size=8
).map(lambda each: list(in_order(each)))


@given(lines, lines)
def test_every_line_and_every_word_of_both_is_there_once_and_in_order(
    old: list[Utterance], new: list[Utterance]
) -> None:
    found = between(old, new)
    assert [each.old for each in found if each.old] == old
    assert [each.new for each in found if each.new] == new
    for each in found:
        before = [nfc(word) for what, word in each.words if what is not ADDED]
        after = [nfc(word) for what, word in each.words if what is not REMOVED]
        assert before == (nfc(each.old.text).split() if each.old else [])
        assert after == (nfc(each.new.text).split() if each.new else [])
        same = {what for what, _ in each.words} <= {SAME}
        assert same == (each.kind in {ChangeKind.SAME, ChangeKind.SPEAKER})


@given(lines)
def test_a_version_does_not_differ_from_itself(version: list[Utterance]) -> None:
    assert set(kinds(version, version)) <= {"same"}


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def test_hostile_versions_are_compared_as_others_are() -> None:
    """Lines and words that are all the same, none at its place: difflib would take days."""
    old = [said(n, "a a") for n in range(20_000)]
    new = [said(n + 100_000, "a b a") for n in range(20_000)]
    assert len(between(old, new)) == 40_000
    assert len(between(old, [said(n + 7, "a a") for n in range(20_000)])) == 20_007
    assert len(between([said(0, "a " * 20_000)], [said(0, "b a " * 10_000)])) == 1
