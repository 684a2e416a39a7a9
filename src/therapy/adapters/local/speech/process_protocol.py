"""The protocol between `engine` and its child process `recogniser_process`.

To the child: one JSON line of `ChildSettings`, then a frame (`frame`) for each checkpoint of earlier tries,
then frames of samples, with an empty frame at the end. From the child: one JSON line per message. If the
stream ends without the empty frame, nobody wants the answer any more.
"""

from collections.abc import Iterator
from typing import IO

import msgspec
from msgspec import Struct

from therapy.adapters.child_process.limits import Limits
from therapy.domain.transcript import Coverage, Utterance

LENGTH_BYTES = 4


class ChildSettings(Struct, frozen=True):
    """What the child must know.

    `cache` is where a model that comes in parts is assembled; `people` is how many speak, 0 if unknown.
    `checkpoints` is how many frames of them follow; one is sent for each `checkpoint_ms` of audio (0 = none).
    """

    model: str
    cache: str
    languages: tuple[str, ...]
    threads: int
    parent: int
    limits: Limits
    people: int = 0
    checkpoint_ms: int = 0
    checkpoints: int = 0


class Progress(Struct, frozen=True, tag="progress"):
    """The first `ms` milliseconds are processed."""

    ms: int


class Checkpoint(Struct, frozen=True, tag="checkpoint"):
    """What was found in the segments since the last one (`segment_checkpoints`)."""

    state: bytes


class Recognised(Struct, frozen=True, tag="recognised"):
    """One utterance; all of them come at the end, when the voices are known."""

    utterance: Utterance


class Done(Struct, frozen=True, tag="done"):
    """Everything is processed; nothing follows."""

    engine: str
    language: str
    duration_ms: int
    coverage: Coverage
    resumed_ms: int = 0


class Failed(Struct, frozen=True, tag="failed"):
    """The work has failed; `details` never contain anything that was said."""

    code: str
    transient: bool = False
    details: dict[str, str | int] = {}


Message = Progress | Checkpoint | Recognised | Done | Failed

decode_message = msgspec.json.Decoder(Message).decode
decode_settings = msgspec.json.Decoder(ChildSettings).decode


def line(message: Message | ChildSettings) -> bytes:
    """Return a message encoded as a line."""
    return msgspec.json.encode(message) + b"\n"


def frame(samples: bytes) -> bytes:
    """Return samples encoded as a frame; b"" is the end."""
    return len(samples).to_bytes(LENGTH_BYTES, "big") + samples


def frames(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the samples of each frame up to the empty one; EOFError if the stream ends before it."""
    while samples := one_frame(stream):
        yield samples


def one_frame(stream: IO[bytes]) -> bytes:
    """Return the content of the next frame; EOFError if the stream ends before its end."""
    head = stream.read(LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    content = stream.read(length)
    if len(head) < LENGTH_BYTES or len(content) < length:
        raise EOFError
    return content
