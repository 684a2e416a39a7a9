"""Makes what browsers play: a child process decodes recordings and sends pieces of an MP4 file with AAC."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

import msgspec
from msgspec.structs import replace

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.child_messages import child_with, messages_of
from therapy.adapters.audio.read_ahead import ReadAhead
from therapy.adapters.child_process.limits import Limits
from therapy.domain.errors import EngineDied
from therapy.ports.audio import PEAKS_PER_SECOND, ReadableRecording, Rendition

CHILD = "therapy.adapters.audio.playback_process"
NICE = 19
"""The least priority that there is, from the child's start on: nobody's transcription is to wait for it."""

MEDIA_TYPE = "audio/mp4"

ENCODER_MEMORY = 48 << 20
"""Bytes that the child may take besides what a decoder may: the index of 4 hours takes 20 MB."""

LEAST_MOST_BYTES = 1 << 20
"""A file may have so many bytes and twice what its bit rate makes: a child in which a recording has got the
upper hand would fill the store."""

PIPE_LIMIT = 1 << 16
"""Bytes of the file that may wait here for the consumer."""


async def playback_file(
    recordings: Sequence[ReadableRecording],
    expected_ms: int,
    longest_ms: int,
    limits: Limits,
    on_end: Callable[[Rendition], None],
) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield pieces of the file and their offsets, see `ports.audio.SupportsPlayback`."""
    sizes = tuple(each.size for each in recordings)
    limits = replace(
        limits, memory=limits.memory + ENCODER_MEMORY, cpu=limits.cpu * max(1, len(sizes))
    )
    order = protocol.PlaybackOrder(sizes, expected_ms, longest_ms, limits)
    most_ms = expected_ms + protocol.LEEWAY_MS
    most = LEAST_MOST_BYTES + 2 * most_ms * protocol.BIT_RATE // 8000
    async with (
        child_with(order, CHILD, limit=PIPE_LIMIT) as child,
        aclosing(_OneAfterAnother(recordings)) as ahead,
    ):
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        messages = messages_of(child, protocol.PIECE, ahead.range, sum(sizes), limits.silence)
        async for kind, content in messages:
            if kind == protocol.FOUND:
                on_end(_rendition(content, most_ms))
            else:
                yield _piece(content, most)


class _OneAfterAnother:
    """Answers ranges of recordings as if they were one, and reads ahead in the one that is decoded."""

    def __init__(self, recordings: Sequence[ReadableRecording]) -> None:
        self._recordings = recordings
        self._number, self._ahead = -1, ReadAhead(_nothing, 0)

    async def range(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to but not including `end`, of one recording."""
        number, begin = 0, 0
        while number + 1 < len(self._recordings) and (
            start >= begin + self._recordings[number].size
        ):
            begin += self._recordings[number].size
            number += 1
        if number != self._number:
            await self.aclose()
            self._number, self._ahead = number, ReadAhead(*self._recordings[number])
        return await self._ahead.range(start - begin, end - begin)

    async def aclose(self) -> None:
        """End what is still being read."""
        await self._ahead.aclose()


async def _nothing(_start: int, _end: int) -> bytes:
    return b""


def _piece(content: bytes, most: int) -> tuple[int, bytes]:
    if len(content) < protocol.OFFSET.size:
        raise EngineDied(reason="protocol")
    (offset,) = protocol.OFFSET.unpack_from(content)
    piece = content[protocol.OFFSET.size :]
    if offset + len(piece) > most:
        raise EngineDied(reason="protocol")
    return offset, piece


def _rendition(content: bytes, most_ms: int) -> Rendition:
    try:
        found = msgspec.json.decode(content, type=protocol.PlaybackFound)
    except msgspec.MsgspecError:
        raise EngineDied(reason="protocol") from None
    peaks = 2 * -(-found.duration_ms * PEAKS_PER_SECOND // 1000)
    if not 0 < found.duration_ms <= most_ms or len(found.peaks) > peaks:
        raise EngineDied(reason="protocol")
    return Rendition(MEDIA_TYPE, found.duration_ms, found.peaks)
