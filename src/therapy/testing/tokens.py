"""What `ports.tokens` promises."""

import re
from datetime import timedelta

import pytest

from therapy.domain.access import Actor
from therapy.domain.errors import NotSignedIn
from therapy.domain.people import Role
from therapy.ports.tokens import Tokens
from therapy.testing.samples import NOW, SECOND, an_actor


@pytest.mark.parametrize(
    "actor",
    [an_actor(), an_actor(person_id="patient-1", role=Role.PATIENT, practice_id="practice-2")],
    ids=["therapist", "patient"],
)
def test_a_token_gives_back_the_actor_it_was_issued_for(tokens: Tokens, actor: Actor) -> None:
    token, _ = tokens.issue(actor, now=NOW)
    assert tokens.read(token, now=NOW) == actor


def test_request_and_address_are_not_part_of_a_token(tokens: Tokens) -> None:
    token, _ = tokens.issue(an_actor(request_id="r-1", address="192.0.2.7"), now=NOW)
    assert tokens.read(token, now=NOW) == an_actor()


def test_a_token_is_good_for_as_long_as_it_says(tokens: Tokens) -> None:
    token, seconds = tokens.issue(an_actor(), now=NOW)
    assert seconds > 0
    end = NOW + timedelta(seconds=seconds)
    assert tokens.read(token, now=end - SECOND) == an_actor()
    with pytest.raises(NotSignedIn):
        tokens.read(token, now=end)


def test_an_altered_token_is_refused(tokens: Tokens) -> None:
    token, _ = tokens.issue(an_actor(), now=NOW)
    other, _ = tokens.issue(an_actor(person_id="somebody-else"), now=NOW)
    forged = [token[:-1], token[1:], token[::-1], token.swapcase(), token + "A", token + other]
    for each in forged:
        with pytest.raises(NotSignedIn):
            tokens.read(each, now=NOW)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "א.ב.ג", "\ud800", "x" * 10_000])
def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(NotSignedIn):
        tokens.read(token, now=NOW)


def test_a_token_that_somebody_else_issued_is_refused(
    tokens: Tokens, foreign_tokens: tuple[Tokens, ...]
) -> None:
    assert foreign_tokens
    for foreign in foreign_tokens:
        token, _ = foreign.issue(an_actor(), now=NOW)
        with pytest.raises(NotSignedIn):
            tokens.read(token, now=NOW)


def test_the_secret_of_a_refresh_token_is_no_access_token(tokens: Tokens) -> None:
    token, _ = tokens.issue(an_actor(), now=NOW)
    with pytest.raises(NotSignedIn):
        tokens.read(tokens.secret_after(token), now=NOW)


def test_the_secret_that_follows_a_token_is_always_the_same(tokens: Tokens) -> None:
    assert tokens.secret_after("first") == tokens.secret_after("first")
    assert tokens.secret_after("first") != tokens.secret_after("second")
    assert tokens.secret_after("first") != "first"


def test_nobody_else_can_tell_the_secret_that_follows(
    tokens: Tokens, foreign_tokens: tuple[Tokens, ...]
) -> None:
    other = foreign_tokens[0]
    assert tokens.secret_after("first") != other.secret_after("first")


def test_a_keyed_hash_is_the_same_each_time_and_another_for_each_text(tokens: Tokens) -> None:
    hashes = [tokens.keyed_hash(text) for text in ("olivia@example.org", "alex@example.org", "")]
    assert hashes == [
        tokens.keyed_hash(text) for text in ("olivia@example.org", "alex@example.org", "")
    ]
    assert len({*hashes}) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)


def test_a_keyed_hash_needs_our_secret(tokens: Tokens, foreign_tokens: tuple[Tokens, ...]) -> None:
    others = [each.keyed_hash("olivia@example.org") for each in foreign_tokens[:1]]
    assert tokens.keyed_hash("olivia@example.org") not in others
