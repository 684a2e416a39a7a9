"""The words that two texts have in common: as many as possible, in order, of hostile texts too."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapy.domain.word_alignment import MOST_CELLS, common_words, keys_of

letters = st.lists(st.sampled_from("abc"), max_size=14)


@given(letters, letters)
def test_as_many_words_as_possible_are_common_and_in_order(old: list[str], new: list[str]) -> None:
    found = list(common_words(old, new))
    assert all(old[place] == new[other] for place, other in found)
    assert all(one[0] < two[0] and one[1] < two[1] for one, two in pairwise(found))
    assert len(found) == longest(old, new)


def longest(old: list[str], new: list[str]) -> int:
    """The length of a longest common subsequence, from the textbook."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for place, one in enumerate(old):
        for other, two in enumerate(new):
            table[place + 1][other + 1] = (
                table[place][other] + 1
                if one == two
                else max(table[place][other + 1], table[place + 1][other])
            )
    return table[-1][-1]


def test_twenty_thousand_equal_words_are_compared_like_others() -> None:
    """With difflib this took hours: 2,000 of them a minute, eight times that for twice as many."""
    words = ["a"] * 20_000
    assert len(words) ** 2 > MOST_CELLS
    assert len(list(common_words(words, ["b", "a"] * 10_000))) == 10_000


def test_texts_that_are_too_long_for_one_comparison_are_compared_in_parts() -> None:
    old = [f"word{place % 5_000}" for place in range(20_000)]
    new = [word if place % 10 else "new" for place, word in enumerate(old)]
    found = list(common_words(["x", *old], ["y", *new]))
    assert len(found) == 18_000
    assert all(place == other for place, other in found)


@pytest.mark.parametrize(("one", "other"), [("👍", "👎"), ("—", "…"), ("לא", "כן"), ("12", "21")])
def test_words_that_sound_or_mean_something_else_are_others(one: str, other: str) -> None:
    assert keys_of([one], {}) != keys_of([other], {})
