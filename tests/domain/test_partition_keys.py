"""Names of partitions and items: different ids never make the same, and every store takes each."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from therapy.domain.partition_keys import digest, key, part

NAME = re.compile(r"[A-Za-z0-9._~|-]+", re.ASCII)

texts = st.text(max_size=80) | st.sampled_from(
    ["", "a", "~", "a|b", "a", "a|", "|a", ".", "..", "é", "A"]
)
parts = st.lists(texts, min_size=1, max_size=2)


@pytest.mark.parametrize("plain", ["a", "A", "0", "practice-1", "a.b_c-d", "0123456789abcdef" * 4])
def test_a_plain_id_stands_as_it_is(plain):
    assert part(plain) == plain


@pytest.mark.parametrize(
    "other",
    ["", "a b", "a|b", "~a", "-a", ".", "..", "é", "a\n", "a/b", "a" * 65, "\x00", "\ud800", "١"],
    ids=range(14),
)
def test_any_other_id_becomes_its_digest(other):
    assert part(other) == f"~{digest(other)}"
    assert len(part(other)) == 65


@given(texts)
@example("\ud800")
def test_every_part_is_a_name_that_every_store_takes(text):
    assert NAME.fullmatch(part(text))
    assert len(part(text)) <= 65


@given(st.lists(texts, min_size=1, max_size=3))
def test_three_parts_fit_the_length_of_a_name(given_parts):
    assert len(key(*given_parts)) <= 200


@given(parts, parts)
@example(["a|b"], ["a", "b"])
@example(["a", ""], ["a"])
@example(["", "a"], ["a"])
@example(["a"], ["A"])
def test_different_parts_never_make_the_same_name(one, other):
    assert (key(*one) == key(*other)) == (one == other)


@given(texts)
def test_no_id_can_pretend_to_be_the_digest_of_another(text):
    """A part that begins like a digest becomes one itself."""
    assert part(f"~{digest(text)}") != f"~{digest(text)}"


def test_names_do_not_change():
    """They are in stores: written once more, so that nobody changes how they are made."""
    assert key("session", "practice-1", "session-1") == "session|practice-1|session-1"
    assert key("email", digest("a@example.health")) == (
        "email|8a2fff56ec857bda6a04aec52d4c9f58222c1de71150917da323f38a9413d6a3"
    )
