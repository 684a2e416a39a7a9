"""Access tokens as JWT: what only this form of them can be altered to."""

import hashlib
import json
import sys
from datetime import timedelta

import jwt
import pytest

from tests.builders import NOW, an_actor
from therapy.adapters.tokens import ALGORITHM, JwtTokens
from therapy.domain.errors import NotSignedIn


def test_an_altered_part_is_refused() -> None:
    tokens = JwtTokens("a secret of the tests, long enough")
    token, _ = tokens.issue(an_actor(), now=NOW)
    head, claims, signature = token.split(".")
    other, _ = tokens.issue(an_actor(person_id="somebody-else"), now=NOW)
    forged = [
        f"{head}.{other.split('.')[1]}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        f"{head}.{claims}",
    ]
    for each in forged:
        with pytest.raises(NotSignedIn):
            tokens.read(each, now=NOW)


SECRET = "a key of the tests, which is long enough"


def signed(**changes: object) -> str:
    """Return a token with our own key whose claims were changed; None leaves one out."""
    token, _ = JwtTokens(SECRET).issue(an_actor(), now=NOW)
    claims = jwt.decode(token, options={"verify_signature": False})
    claims = {name: each for name, each in {**claims, **changes}.items() if each is not None}
    key = hashlib.sha256(b"access|" + SECRET.encode()).digest()
    head = jwt.get_unverified_header(token)
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, ALGORITHM, headers=head)


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "moment",
    [float("nan"), float("inf"), float("-inf"), 10**400, "9999999999", True, [], {}],
    ids=["NaN", "Infinity", "-Infinity", "a huge number", "a text", "true", "a list", "an object"],
)
def test_a_moment_that_is_none_is_refused(claim: str, moment: object) -> None:
    assert JwtTokens(SECRET).read(signed(), now=NOW) == an_actor()
    with pytest.raises(NotSignedIn):
        JwtTokens(SECRET).read(signed(**{claim: moment}), now=NOW)


def test_a_token_counts_from_the_moment_it_names() -> None:
    at = int(NOW.timestamp())
    assert JwtTokens(SECRET).read(signed(nbf=at), now=NOW) == an_actor()
    with pytest.raises(NotSignedIn):
        JwtTokens(SECRET).read(signed(nbf=at + 1), now=NOW)


def asks_the_library(tokens: JwtTokens, token: str) -> bool:
    """Return whether reading a token calls the library that verifies signatures."""
    called: set[str] = set()
    sys.setprofile(lambda frame, _event, _arg: called.add(frame.f_globals.get("__name__", "")))
    try:
        tokens.read(token, now=NOW)
    finally:
        sys.setprofile(None)
    return any(name.startswith("jwt") for name in called)


def test_a_process_verifies_a_token_once_and_remembers_a_bounded_number() -> None:
    tokens = JwtTokens(SECRET, most_remembered=2)
    issued = [tokens.issue(an_actor(sid=f"login-{at}"), now=NOW)[0] for at in range(3)]
    assert [asks_the_library(tokens, issued[0]) for _ in range(3)] == [True, False, False]
    for each in issued[1:]:
        assert asks_the_library(tokens, each)
    assert not asks_the_library(tokens, issued[2])
    assert asks_the_library(tokens, issued[0])


def test_a_token_that_is_longer_than_ours_takes_no_memory() -> None:
    tokens, token = JwtTokens(SECRET), signed(more="x" * 3_000)
    assert [asks_the_library(tokens, token) for _ in range(2)] == [True, True]


def test_a_token_that_was_verified_before_expires_like_any_other() -> None:
    tokens = JwtTokens(SECRET)
    token, seconds = tokens.issue(an_actor(), now=NOW)
    end = NOW + timedelta(seconds=seconds)
    assert tokens.read(token, now=end - timedelta(seconds=1)) == an_actor()
    for _ in range(2):
        with pytest.raises(NotSignedIn) as refused:
            tokens.read(token, now=end)
        assert refused.value.code == "token_expired"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_differs_from_a_remembered_one_in_one_letter_is_refused(part: int) -> None:
    tokens = JwtTokens(SECRET)
    token, _ = tokens.issue(an_actor(), now=NOW)
    tokens.read(token, now=NOW)
    parts = token.split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    with pytest.raises(NotSignedIn):
        tokens.read(".".join(parts), now=NOW)
