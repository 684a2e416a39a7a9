"""Fingerprints of requests, made while their bodies are received: whether one is the same as another."""

import hashlib
from typing import Any

from litestar import Request
from litestar.types import Receive
from multipart import MultipartError, MultipartSegment, PushMultipartParser, StrictParserError

from therapy.domain.partition_keys import digest
from therapy.entrypoints.http.multipart import boundary_of, form_parser
from therapy.entrypoints.http.request_bodies import SMALL_BODY
from therapy.entrypoints.http.watched_body import WatchedBody

SAID_IN_HEADERS = ("upload-length", "upload-defer-length", "upload-metadata")
"""Headers that say what is asked for, as a body does: those of tus."""


class BodyFingerprint:
    """Hashes a request under a key: its address, and its body piece by piece; only the hash is in memory.

    Of a form it is the names and contents of the parts that count: a client that sends it again may put
    another boundary between them. `size` are the bytes that were counted.
    """

    def __init__(self, key: str, request: Request[Any, Any, Any]) -> None:
        self.size = 0
        address = request.scope["path"], request.scope["query_string"].decode("latin-1")
        said = [
            f"{name}: {value}" for name in SAID_IN_HEADERS if (value := request.headers.get(name))
        ]
        whole = "|".join(map(digest, (key, *address, *said)))
        self._hash = hashlib.sha256(digest(whole).encode())
        boundary = boundary_of(request)
        self._form = _FormHash(form_parser(boundary)) if boundary else None

    def add(self, chunk: bytes) -> None:
        """Count the next piece of the body."""
        if self._form is None:
            self._hash.update(chunk)
            self.size += len(chunk)
        elif chunk:
            self._form.add(chunk)
            self.size = self._form.size

    def hexdigest(self) -> str:
        """Return the fingerprint of what was added; "" if it is no whole form, which is like no other."""
        if self._form is None:
            return self._hash.hexdigest()
        parts, whole = self._form.digest(), self._hash.copy()
        whole.update(parts)
        return whole.hexdigest() if parts else ""


class _FormHash:
    """Hashes the parts of a form."""

    def __init__(self, parser: PushMultipartParser) -> None:
        self.size = 0
        self._parser, self._is_broken = parser, False
        self._parts, self._part = hashlib.sha256(), hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        """Count the next piece; what is behind the last boundary does not count."""
        if not self._parser.closed:
            try:
                self._parse(chunk)
            except StrictParserError:  # it may be no fault, as in `multipart`; `is_whole` tells
                self._parser.close(check_complete=False)
            except ValueError:
                self._is_broken = True

    def digest(self) -> bytes:
        """Return the hash of the parts; b"" if the form is not whole."""
        try:
            self._parser.close()
        except MultipartError:
            self._is_broken = True
        return b"" if self._is_broken else self._parts.digest()

    def _parse(self, chunk: bytes) -> None:
        for event in self._parser.parse(chunk):
            if isinstance(event, MultipartSegment):
                self._parts.update(hashlib.sha256(event.name.encode("latin-1")).digest())
                self._part = hashlib.sha256()
            elif event is None:
                self._parts.update(self._part.digest())
            else:
                self._part.update(event)
                self.size += len(event)


class FingerprintedBody(WatchedBody):
    """A body whose fingerprint is made while somebody reads it."""

    def __init__(self, receive: Receive, fingerprint: BodyFingerprint) -> None:
        super().__init__(receive)
        self.fingerprint = fingerprint
        self._first: Any = None
        self.is_whole = False
        """Whether the body has come to its end."""

    @property
    def has_first(self) -> bool:
        """Whether what `begin` received was not read yet."""
        return self._first is not None

    async def begin(self) -> None:
        """Receive what comes first, mostly all: later the client may be gone, and it is not told any more."""
        self._first = await self._next()

    async def __call__(self) -> Any:
        if (first := self._first) is not None:
            self._first = None
            return first
        return await self._next()

    async def _next(self) -> Any:
        message = await super().__call__()
        if message["type"] == "http.request":
            self.is_whole = not self.more
            self.fingerprint.add(message["body"])
        return message

    async def end(self) -> None:
        """Receive the rest, if it is little: who did the request may not have needed it."""
        left = SMALL_BODY
        while not self.is_whole and self.more and left > 0:
            left -= len((await self()).get("body", b""))
