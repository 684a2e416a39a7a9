"""The upload: samples become a form with a WAV in it while they are read, at no time all of them at once.

A server takes only so many bytes, so a long recording is sent in pieces, cut where it is quietest.
"""

import array
import secrets
import sys
from collections.abc import AsyncIterator, Mapping

BYTES_PER_MS = 32
FRAME = 100 * BYTES_PER_MS
"""Where it is quietest is looked for in frames of a tenth of a second."""

WINDOW = 100 * FRAME
"""The last ten seconds of a piece, in which the cut is."""

UNKNOWN_SIZE = b"\xff\xff\xff\xff"
"""What a WAV says of its length when it is written as a stream; decoders then read to the end."""


class Pieces:
    """Cuts samples into pieces of at most so many bytes. Read one to its end before asking for more."""

    def __init__(self, pcm: AsyncIterator[bytes], most: int) -> None:
        self._pcm = aiter(pcm)
        self._most = max(most // FRAME * FRAME, 2 * WINDOW)
        self._held = bytearray()
        self._ended = False
        self.read_bytes = 0

    async def more(self) -> bool:
        """Tell whether there is another piece."""
        await self._fill(1)
        return bool(self._held)

    async def piece(self) -> AsyncIterator[bytes]:
        """Yield the next piece, as its samples come in."""
        room = self._most
        while room > WINDOW:
            await self._fill(1)
            if not self._held:
                return
            yield (chunk := self._taken(min(len(self._held), room - WINDOW)))
            room -= len(chunk)
        await self._fill(WINDOW + 1)
        length = len(self._held) if len(self._held) <= WINDOW else quietest(self._held[:WINDOW])
        if length:
            yield self._taken(length)

    async def _fill(self, least: int) -> None:
        while len(self._held) < least and not self._ended:
            try:
                self._held += await anext(self._pcm)
            except StopAsyncIteration:
                self._ended = True

    def _taken(self, length: int) -> bytes:
        chunk = bytes(self._held[:length])
        del self._held[:length]
        self.read_bytes += length
        return chunk


def quietest(pcm: bytes | bytearray) -> int:
    """Return where the quietest frame ends; of several that are equally quiet, the last."""
    return (
        max(range(0, len(pcm) // FRAME * FRAME, FRAME), key=lambda at: (-_loud(pcm, at), at))
        + FRAME
    )


def _loud(pcm: bytes | bytearray, at: int) -> int:
    samples = array.array("h", bytes(pcm[at : at + FRAME]))
    if sys.byteorder == "big":
        samples.byteswap()
    return sum(map(abs, samples))


def wav_header() -> bytes:
    """Return the head of a WAV of 16 kHz mono s16 samples, as many as come."""
    rates = (16_000).to_bytes(4, "little") + (32_000).to_bytes(4, "little") + b"\x02\x00\x10\x00"
    form = b"fmt " + (16).to_bytes(4, "little") + b"\x01\x00\x01\x00" + rates
    return b"RIFF" + UNKNOWN_SIZE + b"WAVE" + form + b"data" + UNKNOWN_SIZE


class Form:
    """A multipart form whose file is a WAV of samples that are still to come."""

    def __init__(self, fields: Mapping[str, str | tuple[str, ...]]) -> None:
        self._boundary = secrets.token_hex(16)
        self._fields = fields

    @property
    def content_type(self) -> str:
        """Return the header's value."""
        return f"multipart/form-data; boundary={self._boundary}"

    async def body(self, pcm: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the form, with these samples as its file."""
        for name, values in self._fields.items():
            for value in (values,) if isinstance(values, str) else values:
                yield self._head(f'name="{name}"') + b"\r\n" + value.encode() + b"\r\n"
        file = self._head('name="file"; filename="session.wav"')
        yield file + b"Content-Type: audio/wav\r\n\r\n" + wav_header()
        async for chunk in pcm:
            yield chunk
        yield f"\r\n--{self._boundary}--\r\n".encode()

    def _head(self, disposition: str) -> bytes:
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\n".encode()
