"""How partitions and items are called, and how moments are written so that text sorts like time.

A name is made of parts. A plain part stands as it is; any other one, whatever a caller sent, becomes
its SHA-256: Cosmos forbids some characters in ids and bounds their length, and no part may pretend to
be two.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
END = "~"
"""Greater than whatever a moment or a sort key is made of."""


def part(text: str) -> str:
    """Give a text as a part of a name."""
    return text if _PLAIN.fullmatch(text) else f"~{digest(text)}"


def key(*parts: str) -> str:
    """Give the name of a partition; different parts never give the same one."""
    return "|".join(part(each) for each in parts)


def digest(text: str) -> str:
    """SHA-256 in hex; for what is long, secret or not for an id."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shard(text: str, shards: int) -> int:
    """Give one of so many numbers, always the same one for the same text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] % shards


def stamp(moment: datetime) -> str:
    """Microseconds since the year 1 in 18 digits."""
    return f"{(moment - _BEGINNING) // timedelta(microseconds=1):018d}"


def moment(text: str) -> datetime:
    """Return the moment, in UTC, that `stamp` made this text of."""
    return _BEGINNING + timedelta(microseconds=int(text))
