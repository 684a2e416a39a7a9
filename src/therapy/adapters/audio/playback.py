"""Makes what browsers play: a child process decodes recordings and sends pieces of an MP4 file with AAC."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.child_messages import messages_of
from therapy.adapters.audio.read_ahead import ReadAhead
from therapy.adapters.child_process.limits import Limits
from therapy.adapters.child_process.parent_side import end_child, start_child
from therapy.domain.errors import EngineDied
from therapy.ports.audio import ReadableRecording, Rendition

CHILD = "therapy.adapters.audio.playback_process"
NICE = 19
"""The least priority that there is, from the child's start on: nobody's transcription is to wait for it."""

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
    order = protocol.PlaybackOrder(sizes, expected_ms, longest_ms, limits)
    child = await start_child(CHILD, limit=PIPE_LIMIT)
    try:
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        if child.stdin is not None:
            child.stdin.write(protocol.line(order, os.getpid()))
        async with aclosing(_OneAfterAnother(recordings)) as ahead:
            async for kind, content in messages_of(child, ahead.range, sum(sizes), limits.silence):
                if kind == protocol.FOUND:
                    on_end(_rendition(content))
                else:
                    yield _piece(content)
    finally:
        await end_child(child)


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


def _piece(content: bytes) -> tuple[int, bytes]:
    if len(content) < protocol.OFFSET.size:
        raise EngineDied(reason="protocol")
    (offset,) = protocol.OFFSET.unpack_from(content)
    return offset, content[protocol.OFFSET.size :]


def _rendition(content: bytes) -> Rendition:
    try:
        return msgspec.json.decode(content, type=Rendition)
    except msgspec.MsgspecError:
        raise EngineDied(reason="protocol") from None
