"""Whether a signing secret could be guessed: whoever knows it can be anyone, so it must be random.

Weak secrets are refused wherever others can reach the server, in production or not.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from itertools import pairwise

SHORTEST_SECRET = 32
"""Bytes of a signing secret: the length of an HS256 key, RFC 7518, 3.2."""

FEWEST_CHARACTERS = 10
"""Different characters; of 32 random hex digits there are fewer once in a hundred thousand times."""

PLACEHOLDERS = (
    *("changeme", "change-me", "change_me", "secret", "your-", "your_", "placeholder", "default"),
    *("example", "password", "insecure", "dummy", "12345678", "qwerty", "letmein", "foobar"),
)
FIX = "`openssl rand -hex 32` generates one"


def secret_faults(values: Mapping[str, object], *, production: bool) -> Iterator[str]:
    """Yield what is wrong with the signing secret of these settings, without quoting it."""
    secret = str(values.get("jwt_secret", ""))
    if not secret:
        if production and values.get("stores") != "local":
            yield f"JWT_SECRET_KEY is missing: all machines must sign with the same one; {FIX}"
        return
    if not production and is_loopback(str(values.get("host", ""))):
        return
    if weakness := weakness_of(secret):
        yield f"JWT_SECRET_KEY {weakness}: {FIX}"


def weakness_of(secret: str) -> str:
    """Return why a secret could be guessed, in words that go behind its name; "" if it can't be."""
    if len(secret.encode("utf-8", "surrogatepass")) < SHORTEST_SECRET:
        return f"must have {SHORTEST_SECRET} bytes or more"
    if any(each in secret.lower() for each in PLACEHOLDERS):
        return "is a placeholder"
    if len(set(secret)) < FEWEST_CHARACTERS or _repeats(secret) or _counts(secret):
        return "is not random"
    return ""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach what listens on a host."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _repeats(secret: str) -> bool:
    """Return whether the text is one shorter text, again and again, the last time perhaps cut off."""
    period = (secret + secret).find(secret[: len(secret) // 2], 1)
    return (
        0 < period <= len(secret) // 2 and secret == (secret[:period] * len(secret))[: len(secret)]
    )


def _counts(secret: str) -> bool:
    """Return whether most characters follow the one before, as in an alphabet or a row of digits."""
    steps = sum(ord(after) - ord(before) in {1, -1, 0} for before, after in pairwise(secret))
    return steps > len(secret) // 2
