"""The ends of the pipes in a child that decodes or encodes sound: what it asks for and what it sends."""

import os
from collections.abc import Mapping
from typing import IO

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol


class Pipes:
    """Our ends of the pipes."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming, self._outgoing = incoming, outgoing

    def line(self) -> bytes:
        """Return the line with the order."""
        return self._incoming.readline()

    def fetch(self, start: int, end: int) -> bytes:
        """Ask for a range of the recording and return it."""
        self.send(protocol.RANGE, protocol.SPAN.pack(start, end))
        (length,) = protocol.LENGTH.unpack(self._read(protocol.LENGTH.size))
        return self._read(length)

    def send(self, kind: bytes, content: bytes) -> None:
        """Send a message."""
        self._outgoing.write(protocol.message(kind, content))
        self._outgoing.flush()

    def fail(self, error: str, code: str, details: Mapping[str, str | int]) -> None:
        """Send that the work has failed."""
        failed = protocol.Failed(error, code, dict(details))
        self.send(protocol.FAILED, msgspec.json.encode(failed))

    def _read(self, length: int) -> bytes:
        found = self._incoming.read(length)
        if len(found) < length:
            os._exit(1)  # the parent has gone, or does not want the answer any more
        return found
