"""Sending a kept file whole, in a range or not at all (RFC 9110, 13 and 14), as a stream of slices."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from litestar import HttpMethod, Request
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter
from litestar.response import Stream
from msgspec import Struct

from therapy.domain.errors import NotFound
from therapy.entrypoints.http.errors import BadRange
from therapy.ports.recordings import Recordings

SLICE = 1024 * 1024
"""Bytes in memory at a time."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_ETAG = re.compile(r'(?:W/)?"[^"]*"|\*')

AnyRequest = Request[Any, Any, Any]

Range = Annotated[
    str | None,
    HeaderParameter(
        name="Range",
        description="The bytes to send: `bytes=<first>-<last>`, `bytes=<first>-`, `bytes=-<count>`.",
        examples=[Example(value="bytes=0-1023")],
    ),
]
IfRange = Annotated[
    str | None,
    HeaderParameter(
        name="If-Range",
        description="An ETag: if the file has another one, everything is sent, whatever `Range` says.",
        examples=[Example(value='"b7e1c2"')],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        description="An ETag that the client has: if it is the file's, 304 is answered, without the file.",
        examples=[Example(value='"b7e1c2"')],
    ),
]


class File(Struct, frozen=True):
    """A kept file: `content_hash` is its ETag, `size` its bytes, `headers` what is sent besides."""

    practice_id: str
    key: str
    media_type: str
    content_hash: str
    size: int
    headers: Mapping[str, str] = {}


def shown_header(name: str, description: str, example: str) -> ResponseHeader:
    """Return a header for the OpenAPI document."""
    return ResponseHeader(
        name, documentation_only=True, required=True, value=example, description=description
    )


FILE_HEADERS = (
    shown_header("Accept-Ranges", "Ranges of bytes may be asked for.", "bytes"),
    shown_header("Content-Length", "How many bytes follow.", "264600044"),
    shown_header("ETag", "The hash of the file, in quotes: it never changes.", '"b7e1c2"'),
)

UNCHANGED = ResponseSpec(
    None,
    generate_examples=False,
    description="Nothing: the client has the file, its ETag is one of `If-None-Match`.",
)


def sent(
    request: AnyRequest,
    file: File,
    *,
    wanted: str | None,
    if_range: str | None,
    if_none_match: str | None,
    recordings: Recordings,
) -> Stream:
    """Return the answer with the file, or the part of it that a header `Range` asks for.

    One range is understood; several are answered with everything. HEAD gives the headers only.

    Raises:
        BadRange: the file has no such bytes.
    """
    etag = f'"{file.content_hash}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, **file.headers}
    if if_none_match and _matches(if_none_match, etag):
        return Stream(iter(()), status_code=304, headers=headers)
    some = _range(wanted, file.size) if if_range is None or if_range.strip() == etag else None
    start, end = some or (0, file.size)
    headers |= {"Content-Length": str(end - start), "Content-Disposition": "attachment"}
    if some:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    head = request.method == HttpMethod.HEAD
    body = iter(()) if head else _slices(file, start, end, recordings=recordings)
    status = 206 if some else 200
    return Stream(body, status_code=status, media_type=file.media_type, headers=headers)


def _matches(if_none_match: str, etag: str) -> bool:
    """Return whether one of these ETags is the file's, compared weakly as for If-None-Match."""
    known = {each.removeprefix("W/") for each in _ETAG.findall(if_none_match)}
    return bool(known & {etag, "*"})


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the requested bytes as start and end; None for all, also if several ranges are requested.

    Raises:
        BadRange: the recording has no such bytes.
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise BadRange(size=size)
    return start, end


async def _slices(
    file: File, start: int, end: int, *, recordings: Recordings
) -> AsyncIterator[bytes]:
    while start < end:
        block = await recordings.read(file.practice_id, file.key, start, min(end, start + SLICE))
        if not block:
            raise NotFound
        start += len(block)
        yield block
