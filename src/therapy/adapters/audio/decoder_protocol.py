"""The protocol between `decoder` and its child process `decoder_process`.

To the child: one JSON line of `Order`, then each range that it asks for, its length in front. From the child:
messages with a kind in front: `RANGE` (two 64 bit numbers: start and end), `PCM` (samples), and at last one
of `FOUND` (JSON: `AudioFindings`) or `FAILED` (JSON: `Failed`). It asks for one range at a time. A child in
which a recording has got the upper hand may send anything: each kind has a greatest length.

The child that makes what browsers play (`playback_process`) gets one line of `PlaybackOrder`. It asks for
ranges, too, of all recordings as if they were one, sends `PIECE`s (a 64 bit offset and what stands there in
the file) and at last `FOUND` (JSON: `PlaybackFound`) or `FAILED`.
"""

import struct

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from therapy.adapters.child_process.limits import Limits

RANGE, PCM, FOUND, FAILED = b"R", b"P", b"F", b"X"
PIECE = b"M"

LONGEST = {RANGE: 16, PCM: 1 << 20, FOUND: 16 << 20, FAILED: 4_096, PIECE: 1 << 20}
"""The greatest length in bytes of each kind; a day of 32 channels has levels of 15 MiB."""

LONGEST_RANGE = 1 << 20
"""So many bytes of the recording are read at once."""

BIT_RATE = 48_000
"""Bits of a playback file for a second: 22 MB an hour. With FFmpeg's coder `fast` that is 29 dB above the
noise, for 5 CPU seconds an hour."""

LEEWAY_MS = 60_000
"""So much longer than expected the sound of a playback may be."""

HEAD = struct.Struct(">cI")
"""Kind and length in bytes of what follows."""

LENGTH = struct.Struct(">I")
OFFSET = struct.Struct(">Q")
SPAN = struct.Struct(">QQ")


class Order(Struct, frozen=True):
    """What to do with a recording of `size` bytes: only check it, or decode it; it may last `longest_ms`.

    `parent` is a process id.
    """

    size: int
    check: bool
    longest_ms: int
    limits: Limits
    parent: int = 0


class PlaybackOrder(Struct, frozen=True):
    """Decode recordings of so many bytes each and encode their sound, about `expected_ms` of it.

    Together they may last `longest_ms`. `parent` is a process id.
    """

    sizes: tuple[int, ...]
    expected_ms: int
    longest_ms: int
    limits: Limits
    parent: int = 0


class PlaybackFound(Struct, frozen=True):
    """How long the sound is, and the peaks of its waveform, see `ports.audio.Rendition`."""

    duration_ms: int
    peaks: bytes


class Failed(Struct, frozen=True):
    """The work has failed: the name of the error's class, its code and details, never a text of the file."""

    error: str
    code: str
    details: dict[str, str | int] = {}


decode_order = msgspec.json.Decoder(Order).decode
decode_playback_order = msgspec.json.Decoder(PlaybackOrder).decode
decode_failed = msgspec.json.Decoder(Failed).decode


def line(order: Order | PlaybackOrder, parent: int) -> bytes:
    """Return an order of the process `parent` encoded as a line."""
    return msgspec.json.encode(replace(order, parent=parent)) + b"\n"


def message(kind: bytes, content: bytes) -> bytes:
    """Return what the child sends."""
    return HEAD.pack(kind, len(content)) + content
