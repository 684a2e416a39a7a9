"""Tokens with an address: whatever ids go in come out, and no text that somebody sends breaks anything."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from therapy.domain.login_tokens import (
    LONGEST,
    RefreshToken,
    ResetToken,
    parse_refresh_token,
    parse_reset_token,
    token_hash,
)

HEX = "0123456789abcdef" * 2
SECRET = "kR2-_x" * 7

any_id = st.text(st.characters(exclude_categories=["Cs"]), max_size=24)
plain_id = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)
ids = plain_id | any_id
secrets = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=64)
numbers = st.integers(1, 10**18 - 1)
hostile = st.text(max_size=80) | st.lists(
    st.sampled_from(
        ["", "a", "~", "~zz", "~e9", "~00", "0", "01", "1", "-1", "١", HEX, "a|b", "\ud800"]
    ),
    max_size=7,
).map(".".join)


@given(ids, ids, ids, numbers, secrets)
def test_a_refresh_token_comes_back_as_it_was_made(practice_id, person_id, sid, number, secret):
    token = RefreshToken(practice_id, person_id, sid, number, secret)
    assert parse_refresh_token(str(token)) == token


@given(ids, ids, secrets)
def test_a_reset_token_comes_back_as_it_was_made(practice_id, person_id, secret):
    token = ResetToken(practice_id, person_id, secret)
    assert parse_reset_token(str(token)) == token


@given(ids, ids, ids, numbers, secrets)
def test_neither_is_ever_taken_for_the_other(practice_id, person_id, sid, number, secret):
    assert parse_reset_token(str(RefreshToken(practice_id, person_id, sid, number, secret))) is None
    assert parse_refresh_token(str(ResetToken(practice_id, person_id, secret))) is None


@given(st.lists(st.tuples(ids, ids, ids, numbers), min_size=2, max_size=2, unique=True))
def test_different_addresses_make_different_tokens(two):
    one, other = (str(RefreshToken(*address, "secret")) for address in two)
    assert one != other


@given(hostile)
@example("")
@example("....")
@example("\ud800.\ud800.\ud800.1.\ud800")
def test_no_text_breaks_anything(text):
    for parsed in (parse_refresh_token(text), parse_reset_token(text)):
        assert parsed is None or len(text) <= LONGEST
    assert len(token_hash(text)) == 64


@pytest.mark.parametrize(
    "text",
    [
        "an-opaque-token-of-the-old-form",
        f"{HEX}.{HEX}.{HEX}.0.{SECRET}",
        f"{HEX}.{HEX}.{HEX}.01.{SECRET}",
        f"{HEX}.{HEX}.{HEX}.-1.{SECRET}",
        f"{HEX}.{HEX}.{HEX}.١.{SECRET}",  # a digit, but none of ours
        f"{HEX}.{HEX}.{HEX}.1000000000000000000000.{SECRET}",
        f"{HEX}.{HEX}.{HEX}.1",
        f"{HEX}.{HEX}.{HEX}.1.{SECRET}.x",
        f".{HEX}.{HEX}.1.{SECRET}",
        f"~e9.{HEX}.{HEX}.1.{SECRET}",  # no UTF-8
        f"~0.{HEX}.{HEX}.1.{SECRET}",
        f"~AB.{HEX}.{HEX}.1.{SECRET}",
        f"a|b.{HEX}.{HEX}.1.{SECRET}",
        f"{'a' * 65}.{HEX}.{HEX}.1.{SECRET}",
        f"{HEX}.{HEX}.{HEX}.1.{'x' * LONGEST}",
    ],
    ids=range(15),
)
def test_what_is_no_refresh_token_is_none(text):
    assert parse_refresh_token(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "opaque", f"{HEX}.{SECRET}", f".{HEX}.{SECRET}", f"{HEX}.{HEX}.{'x' * LONGEST}"],
    ids=range(5),
)
def test_what_is_no_reset_token_is_none(text):
    assert parse_reset_token(text) is None


def test_the_ids_that_we_make_are_written_as_they_are():
    assert str(RefreshToken("p", HEX, HEX, 7, "s")) == f"p.{HEX}.{HEX}.7.s"
    assert str(ResetToken("p", HEX, "s")) == f"p.{HEX}.s"


def test_other_ids_are_written_so_that_they_fit_a_header_and_a_mail():
    text = str(RefreshToken("a.b", "x y", "é|", 1, "s"))
    assert text == "~612e62.~782079.~c3a97c.1.s"
    assert text.isascii()


@pytest.mark.parametrize(
    "token", [RefreshToken("p", HEX, "sid", 1, SECRET), ResetToken("p", HEX, SECRET)]
)
def test_a_token_that_is_shown_keeps_its_secret(token):
    assert SECRET not in repr(token)
    assert SECRET in str(token)


def test_a_hash_tells_tokens_apart_and_nothing_else():
    assert token_hash("a") != token_hash("b")
    assert token_hash("a") == token_hash("a")
    assert "a.secret" not in token_hash("a.secret")
