"""JSON as clients really send it: with a byte order mark, or with half a surrogate pair in a text.

Both make a text that no decoder takes, and neither is a reason to lose what was sent.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

NO_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What a decoder raises about a text that it can't take."""

Text = TypeVar("Text", bytes, str)
Value = TypeVar("Value")

_ESCAPES = re.compile(r"\\(?:(u[dD][89abAB]..\\u[dD][c-fC-F]..)|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
_SURROGATE_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def decode_json(raw: Text, decode: Callable[[Text], Value]) -> Value:
    """Return what `decode` makes of a text; if it does not take it, of the mended text.

    Raises:
        Exception: one of NO_JSON, from `decode`.
    """
    try:
        return decode(raw)
    except NO_JSON:
        if (text := mended(raw)) == raw:
            raise
    return decode(text)


def mended(raw: Text) -> Text:
    """Return a JSON text without a byte order mark, every lone surrogate replaced by U+FFFD."""
    if isinstance(raw, str):
        return _ESCAPES.sub(_whole, raw.removeprefix("\ufeff"))
    text = _SURROGATE_BYTES.sub("\ufffd".encode(), raw.removeprefix(b"\xef\xbb\xbf"))
    return mended(text.decode("latin-1")).encode(
        "latin-1"
    )  # each byte a character: escapes are ASCII


def _whole(escape: re.Match[str]) -> str:
    """Return an escape as it is, unless it is a lone surrogate."""
    return escape[0] if escape[2] is None else "\\ufffd"
