"""Multipart bodies as a stream of events: nothing goes to disk, and only what a handler keeps is in memory.

The parser is `multipart`'s push parser, which Litestar uses too; Litestar's own reading would write
every file to disk before the handler starts.
"""

import re
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import unquote

from litestar import Request
from litestar.enums import RequestEncodingType
from msgspec import Struct
from multipart import (
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
    StrictParserError,
)

from therapy.domain.errors import InvalidInput, TooLarge
from therapy.entrypoints.http.errors import UnsupportedBody

MOST_PARTS = 32
MOST_HEADER = 16 * 1024
"""Bytes of one line of a part's headers: a file name of 255 characters may take 12 for each."""


_ENCODED_NAME = re.compile(r"filename\*=utf-8'[^']*'([^;\s]+)", re.IGNORECASE)


class PartStart(Struct, frozen=True):
    """A part begins; `file_name` is untrusted data from the client."""

    name: str
    file_name: str


class PartEnd(Struct, frozen=True):
    """The part has ended."""


async def parts(
    request: Request[Any, Any, Any],
) -> AsyncGenerator[PartStart | PartEnd | bytes, None]:
    """Yield the parts of a body as they arrive; a body that ends before its last boundary raises.

    Raises:
        UnsupportedBody: not multipart/form-data.
        InvalidInput: not well-formed.
        TooLarge: more parts or headers than anyone needs.
        BrokenOff: the client went away.
    """
    boundary = boundary_of(request)
    if not boundary:
        raise UnsupportedBody
    try:
        with form_parser(boundary) as parser:
            async for chunk in request.stream():
                try:
                    for event in parser.parse(chunk):
                        if isinstance(event, MultipartSegment):
                            yield PartStart(_text(event.name), _file_name(event))
                        elif event is None:
                            yield PartEnd()
                        else:
                            yield bytes(event)
                except StrictParserError:
                    # The line's end behind the last boundary may come in a chunk of its own; it is no
                    # fault, nor is anything else there. Raises if the last boundary was not there yet.
                    parser.close()
                if parser.closed:
                    break
    except ParserLimitReached as exc:
        raise TooLarge from exc
    except (ParserError, ValueError) as exc:
        raise InvalidInput("body", "malformed_multipart") from exc


def boundary_of(request: Request[Any, Any, Any]) -> str:
    """Return the boundary between the parts of a form; "" if the body is none."""
    kind, options = request.content_type
    return options.get("boundary", "") if kind == RequestEncodingType.MULTI_PART else ""


def form_parser(boundary: str) -> PushMultipartParser:
    """Return a parser of a form whose parts and headers are as many as anyone needs."""
    return PushMultipartParser(
        boundary.encode("latin-1", "replace"),
        max_segment_count=MOST_PARTS,
        max_header_size=MOST_HEADER,
        header_charset="latin-1",  # takes every byte
        strict=True,
    )


def _file_name(segment: MultipartSegment) -> str:
    """Return the file name that a part has; some clients send it in the form of RFC 5987 only."""
    encoded = _ENCODED_NAME.search(segment.header("Content-Disposition", ""))
    return _text(segment.filename) or (unquote(encoded[1]) if encoded else "")


def _text(header: str | None) -> str:
    """Return a header's text, sent as UTF-8 or, by old clients, as Latin-1."""
    try:
        return (header or "").encode("latin-1").decode()
    except UnicodeError:
        return header or ""
