"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload): read, checked and written."""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any

from litestar import Request
from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from therapy.domain.errors import InvalidInput
from therapy.domain.upload import Metadata, Upload
from therapy.entrypoints.http.errors import (
    TUS_VERSION,
    ChecksumMismatch,
    UnsupportedBody,
    WrongTusVersion,
)
from therapy.entrypoints.http.upload_metadata import MOST_METADATA, read_metadata

OFFSET_TYPE = "application/offset+octet-stream"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum"
ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
MOST_DIGITS = 15
PATH = "/uploads"

AnyRequest = Request[Any, Any, Any]


async def add_version(message: Message, scope: Scope) -> None:
    """Write into every answer below /uploads which version of tus it is."""
    if message["type"] == "http.response.start" and scope["path"].startswith(PATH):
        MutableScopeHeaders.from_message(message)["Tus-Resumable"] = TUS_VERSION


def check_version(request: AnyRequest) -> None:
    """Raise WrongTusVersion unless the request is one of tus 1.0.0."""
    if request.headers.get("tus-resumable") != TUS_VERSION:
        raise WrongTusVersion


def check_offset_type(request: AnyRequest) -> None:
    """Raise UnsupportedBody unless the body is a piece of a recording."""
    if request.headers.get("content-type", "").strip().lower() != OFFSET_TYPE:
        raise UnsupportedBody("offset_content_type")


def number_in(text: str, header: str) -> int:
    """Return the whole number, 0 or more, that a header has.

    Raises:
        InvalidInput: it is none; names the header.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise InvalidInput(header)
    return int(text)


def length_in(request: AnyRequest) -> int | None:
    """Return the upload's length; None if it is said later.

    Raises:
        InvalidInput: it is no number, or neither said nor put off; names the header.
    """
    length, deferred = (
        request.headers.get(name) for name in ("upload-length", "upload-defer-length")
    )
    if length is not None:
        if deferred is not None:
            raise InvalidInput("Upload-Defer-Length")
        return number_in(length, "Upload-Length")
    if deferred is None:
        raise InvalidInput("Upload-Length", "required")
    if deferred.strip() != "1":
        raise InvalidInput("Upload-Defer-Length")
    return None


def said_in(header: str | None, *, today: date) -> tuple[str, Metadata | None]:
    """Return what `Upload-Metadata` says: the file's name, and the metadata if there are any.

    Raises:
        InvalidInput: it can't be read, or says one thing twice; names the header or the field.
    """
    said: dict[str, bytes] = {}
    for pair in filter(None, map(str.strip, (header or "").split(","))):
        name, _, value = pair.partition(" ")
        try:
            decoded = b64decode(value.strip(), validate=True)
        except (Error, ValueError):
            raise InvalidInput("Upload-Metadata") from None
        if name in said or len(decoded) > MOST_METADATA:
            raise InvalidInput("Upload-Metadata")
        said[name] = decoded
    try:
        file_name = said.get("filename", b"").decode()[:255]
    except UnicodeDecodeError:
        raise InvalidInput("Upload-Metadata") from None
    raw = said.get("metadata")
    return file_name, None if raw is None else read_metadata(raw, today=today)


class Checksum:
    """What `Upload-Checksum` says; without the header every body is right."""

    def __init__(self, header: str | None) -> None:
        """Read the header.

        Raises:
            InvalidInput: the algorithm is not known, or the checksum can't be read.
        """
        name, _, value = (header or "").strip().partition(" ")
        self.is_there = header is not None
        try:
            self._wanted = b64decode(value.strip(), validate=True)
            self._sum = ALGORITHMS[name]() if self.is_there else None
        except (Error, ValueError, KeyError):
            raise InvalidInput("Upload-Checksum", "checksum_algorithm") from None

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        if self._sum is not None:
            self._sum.update(chunk)

    def check(self) -> None:
        """Raise ChecksumMismatch if the body has another checksum."""
        if self._sum is not None and not hmac.compare_digest(self._sum.digest(), self._wanted):
            raise ChecksumMismatch


def offset_headers(upload: Upload) -> dict[str, str]:
    """Return what an answer says of how far an upload is and when it expires."""
    return {"Upload-Offset": str(upload.offset), "Upload-Expires": http_date(upload.expires_at)}


def length_headers(upload: Upload) -> dict[str, str]:
    """Return what an answer says of how long an upload will be."""
    if upload.length is None:
        return {"Upload-Defer-Length": "1"}
    return {"Upload-Length": str(upload.length)}


def http_date(moment: datetime) -> str:
    """Return a moment as HTTP writes it."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
