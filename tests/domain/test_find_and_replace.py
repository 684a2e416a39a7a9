"""Find and replace: literal text, whole words in Hebrew and English, linear time."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.domain.errors import InvalidInput, TooLarge
from therapy.domain.find_and_replace import MOST_TEXT, Replacement, replaced


def told(text, find, new="X", *, whole=False):
    times, texts = replaced([text], Replacement(find, new, whole_words=whole))
    return texts.get(0, text), times


@pytest.mark.parametrize(
    ("text", "find", "expected"),
    [
        ("Sara and SARA, sara.", "sara", "X and X, X."),
        ("a.c abc", "a.c", "X abc"),
        ("what? [this]", "[this]", "what? X"),
        ("aaaa", "aa", "XX"),
        ("Straße", "STRASSE", "Straße"),
        ("Straße", "straße", "X"),
        ("Cafe\u0301 und Café", "café", "X und X"),
        ("q\u0323 q", "q", "q\u0323 X"),
        ("דנה אמרה לדנה", "דנה", "X אמרה לX"),
        ("İstanbul", "istanbul", "İstanbul"),
        ("👨‍👩‍👧 ok", "ok", "👨‍👩‍👧 X"),
    ],
)
def test_a_text_is_found_literally_and_in_any_case(text, find, expected):
    assert told(text, find)[0] == expected


@pytest.mark.parametrize(
    ("text", "find", "expected"),
    [
        ("Dan, Dana, dan!", "dan", "X, Dana, X!"),
        ("Dana's cat. Danas cat.", "Dana", "X's cat. Danas cat."),
        ("don't", "don", "don't"),
        ("well-being", "well", "X-being"),
        ("snake_case", "snake", "snake_case"),
        ("דנה אמרה לדנה ושדנה", "דנה", "X אמרה לדנה ושדנה"),
        ('צה"ל וגם צה', "צה", 'צה"ל וגם X'),
        ("ג'ורג' בא", "ורג", "ג'ורג' בא"),
        ('"דנה" אמרה', "דנה", '"X" אמרה'),
        ("בית־דנה", "דנה", "בית־X"),
        ("שָׁלוֹם שלום", "של", "שָׁלוֹם שלום"),
        ("שלו\u05bdם", "שלו", "שלו\u05bdם"),
        ("7 17 7.", "7", "X 17 X."),
        ("a - b", "-", "a X b"),
        ("xanax Xanax xanaxes", "xanax", "X X xanaxes"),
    ],
)
def test_whole_words_are_not_parts_of_words_prefixed_quoted_or_pointed(text, find, expected):
    assert told(text, find, whole=True)[0] == expected


def test_what_replaces_it_is_literal_as_it_was_sent_and_may_be_nothing():
    assert told("a b", "b", r"\1 B") == (r"a \1 B", 1)
    assert told("a b", "b", "") == ("a ", 1)


def test_how_often_is_counted_and_only_texts_that_change_are_named():
    found = replaced(["one two one", "three", "One"], Replacement("one", "1"))
    assert found == (3, {0: "1 two 1", 2: "1"})


@given(st.text(max_size=30), st.text(min_size=1, max_size=3), st.booleans())
def test_what_is_replaced_by_itself_stays_but_for_its_case(text, find, whole):
    if not find.strip():
        return
    changed, _ = told(text, find, find, whole=whole)
    again, _ = told(changed, find, find, whole=whole)
    assert again == changed


@pytest.mark.parametrize("find", ["", " ", "\t"])
def test_nothing_is_not_looked_for(find):
    with pytest.raises(InvalidInput) as caught:
        replaced(["a"], Replacement(find, "b"))
    assert caught.value.field == "find"


def test_texts_do_not_grow_beyond_their_bound():
    with pytest.raises(TooLarge, match="too_much_replaced"):
        replaced(["a" * 50_000], Replacement("a", "b" * 200))
    assert replaced(["a" * 1_000], Replacement("a", "b" * 200)).times == 1_000
    assert MOST_TEXT > 200_000


def test_what_begins_everywhere_and_ends_nowhere_is_looked_for_in_linear_time():
    steps = [_calls(lambda n=n: told("a" * n, "a" * 100, whole=True)) for n in (10_000, 20_000)]
    assert steps[1] < 3 * steps[0]
    repeated = [_calls(lambda n=n: told("a'" * n, "a'a", whole=True)) for n in (1_000, 2_000)]
    assert repeated[1] < 3 * repeated[0]


def _calls(work):
    """Return how many functions are called: of Python, and of C."""
    number = 0

    def count(_frame, event, _arg):
        nonlocal number
        number += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return number
