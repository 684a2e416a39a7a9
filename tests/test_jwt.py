"""Access tokens as JWT: what only this form of them can be altered to."""

import hashlib
import json

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
