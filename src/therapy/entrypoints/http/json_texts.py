"""JSON as clients really send it: in UTF-16, with a byte order mark, with half a surrogate pair in a text.

Each makes a text that no decoder takes, and none is a reason to lose what was sent.
"""

import codecs
import json
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

NO_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What a decoder raises about a text that it can't take."""

Text = TypeVar("Text", bytes, str)
Value = TypeVar("Value")

_IN_FRONT = "\ufeff \t\r\n"
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
    """Return a JSON text in UTF-8 without a byte order mark, every lone surrogate replaced by U+FFFD."""
    if isinstance(raw, str):
        return _ESCAPES.sub(_whole, raw.lstrip(_IN_FRONT))
    text = _SURROGATE_BYTES.sub("\ufffd".encode(), _in_utf8(raw).lstrip())
    while text.startswith(codecs.BOM_UTF8):
        text = text.removeprefix(codecs.BOM_UTF8).lstrip()
    return mended(text.decode("latin-1")).encode(
        "latin-1"
    )  # each byte a character: escapes are ASCII


def _in_utf8(raw: bytes) -> bytes:
    """Return a JSON text in UTF-8: it begins with an ASCII character, so its zeros tell UTF-16 and UTF-32."""
    encoding = json.detect_encoding(raw)
    if encoding.startswith("utf-8"):
        return raw
    try:
        return raw.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    except UnicodeError:
        return raw


def _whole(escape: re.Match[str]) -> str:
    """Return an escape as it is, unless it is a lone surrogate."""
    return escape[0] if escape[2] is None else "\\ufffd"
