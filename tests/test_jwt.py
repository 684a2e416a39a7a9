"""Access tokens as JWT: what only this form of them can be altered to."""

import pytest

from tests.builders import NOW, an_actor
from therapy.adapters.tokens import JwtTokens
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
