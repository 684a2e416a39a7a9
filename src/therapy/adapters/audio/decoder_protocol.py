"""The protocol between `decoder` and its child process `decoder_process`.

To the child: one JSON line of `Order`, then a `frame` for each range that it asks for. From the child:
messages with a kind in front: `RANGE` (two 64 bit numbers: start and end), `PCM` (samples), and at last one
of `FOUND` (JSON: `AudioFindings`) or `FAILED` (JSON: `Failed`). It asks for one range at a time.
"""

import struct

import msgspec
from msgspec import Struct

RANGE, PCM, FOUND, FAILED = b"R", b"P", b"F", b"X"

HEAD = struct.Struct(">cI")
"""Kind and length in bytes of what follows."""

LENGTH = struct.Struct(">I")
SPAN = struct.Struct(">QQ")


class Order(Struct, frozen=True):
    """What to do with a recording of `size` bytes: only check it, or decode it; `parent` is a process id."""

    size: int
    check: bool
    parent: int


class Failed(Struct, frozen=True):
    """The work has failed: the name of the error's class, its code and details, never a text of the file."""

    error: str
    code: str
    details: dict[str, str | int] = {}


decode_order = msgspec.json.Decoder(Order).decode
decode_failed = msgspec.json.Decoder(Failed).decode


def line(order: Order) -> bytes:
    """Return an order encoded as a line."""
    return msgspec.json.encode(order) + b"\n"


def frame(content: bytes) -> bytes:
    """Return the answer to a request for a range."""
    return LENGTH.pack(len(content)) + content


def message(kind: bytes, content: bytes) -> bytes:
    """Return what the child sends."""
    return HEAD.pack(kind, len(content)) + content
