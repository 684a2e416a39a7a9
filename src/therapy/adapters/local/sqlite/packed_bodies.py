"""Bodies of items as SQLite stores them: large ones deflated, if that is wanted, behind a mark of their own.

A transcript of an hour is mostly times of words, and takes a third of its size so. A program of before takes
a deflated body for a damaged one; so it is written only once no such program runs any more, and always read.
Cosmos has a way of its own.
"""

import zlib

from therapy.domain.errors import Unavailable

MARK = b"\x00deflated\x00"
"""Begins what is stored deflated: no JSON does, and another body that does is deflated itself."""

LEVEL = 1
"""The level for zlib: 2.6 ms and a factor of 2.8 for a transcript of 311 KB; level 6 takes 12 ms, 3.3."""


def packed(body: bytes, least: int) -> bytes:
    """Return a body as it is stored: deflated from `least` bytes on (0 = never)."""
    if body.startswith(MARK) or 0 < least <= len(body):
        return MARK + zlib.compress(body, LEVEL)
    return body


def unpacked(stored: bytes, kind: str) -> bytes:
    """Return the body that is stored so.

    Raises:
        Unavailable: it is damaged.
    """
    if not stored.startswith(MARK):
        return stored
    try:
        return zlib.decompress(stored[len(MARK) :])
    except zlib.error:
        raise Unavailable(reason="damaged", kind=kind) from None
