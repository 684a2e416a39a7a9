"""Multipart bodies as a stream of events: nothing goes to disk, and only what a handler keeps is in memory.

The parser is `multipart`'s push parser, which Litestar uses too; Litestar's own reading would write
every file to disk before the handler starts.
"""

from collections.abc import AsyncGenerator
from typing import Any

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

MOST_PARTS = 8
MOST_HEADER = 2_048
"""Bytes of one part's headers."""


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
    kind, options = request.content_type
    boundary = options.get("boundary", "")
    if kind != RequestEncodingType.MULTI_PART or not boundary:
        raise UnsupportedBody
    try:
        with PushMultipartParser(
            boundary.encode("latin-1", "replace"),
            max_segment_count=MOST_PARTS,
            max_header_size=MOST_HEADER,
            strict=True,
        ) as parser:
            async for chunk in request.stream():
                try:
                    for event in parser.parse(chunk):
                        if isinstance(event, MultipartSegment):
                            yield PartStart(event.name or "", event.filename or "")
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
