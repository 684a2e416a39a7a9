"""Names of partitions and items, whatever a caller sent as an id.

A name is made of parts. A plain part is used as it is; any other is replaced by its SHA-256, so that no
part can pass for two and no store meets a character or a length that it forbids.
"""

import hashlib
import re

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def part(text: str) -> str:
    """Return a text as one part of a name."""
    return text if _PLAIN.fullmatch(text) else f"~{digest(text)}"


def key(*parts: str) -> str:
    """Return the name made of these parts; different parts never make the same name."""
    return "|".join(part(each) for each in parts)


def digest(text: str) -> str:
    """Return the SHA-256 of a text in hex: for what is too long or too secret for a name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
