"""Names of partitions and items, and moments as text that sorts like time.

A name is made of parts. A plain part is used as it is; any other, whatever a caller sent, is replaced by
its SHA-256, because Cosmos forbids some characters in ids and bounds their length, and no part may pass for
two.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
END = "~"
"""Greater than every character of a moment or a sort key."""


def part(text: str) -> str:
    """Return a text as one part of a name."""
    return text if _PLAIN.fullmatch(text) else f"~{digest(text)}"


def key(*parts: str) -> str:
    """Return the name of a partition; different parts never make the same name."""
    return "|".join(part(each) for each in parts)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hex: for what is too long, secret or not allowed in an id."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shard(text: str, shards: int) -> int:
    """Return a number from 0 to `shards` - 1, always the same for the same text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] % shards


def stamp(moment: datetime) -> str:
    """Return a moment as microseconds since the year 1, in 18 digits."""
    return f"{(moment - _BEGINNING) // timedelta(microseconds=1):018d}"


def moment(text: str) -> datetime:
    """Return the moment (UTC) of a text made by `stamp`."""
    return _BEGINNING + timedelta(microseconds=int(text))
