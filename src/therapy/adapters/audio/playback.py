"""Makes what browsers play: samples go to a child process, pieces of an MP4 file with AAC come back."""

import os
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.child_messages import next_message_of, reported_error, sent_to
from therapy.adapters.child_process.limits import Limits
from therapy.adapters.child_process.parent_side import end_child, start_child
from therapy.domain.errors import EngineDied, EngineFailed
from therapy.ports.audio import Rendition

CHILD = "therapy.adapters.audio.playback_process"
NICE = 19
"""The least priority that there is, from the child's start on: nobody's transcription is to wait for it."""

PIPE_LIMIT = 1 << 16
"""Bytes of the file that may wait here for the consumer."""


async def encoded(
    pcm: AsyncIterator[bytes],
    expected_ms: int,
    limits: Limits,
    on_end: Callable[[Rendition], None],
) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield pieces of the file and their offsets, see `ports.audio.SupportsPlayback`."""
    child = await start_child(CHILD, limit=PIPE_LIMIT)
    try:
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, child.pid, NICE)
        order = protocol.EncoderOrder(expected_ms, limits)
        if child.stdin is not None:
            child.stdin.write(protocol.line(order, os.getpid()))
        async for kind, content in _messages(child, pcm, limits):
            if kind == protocol.FOUND:
                on_end(_rendition(content))
            else:
                yield _piece(content)
    finally:
        await end_child(child)


async def _messages(
    child: Process, pcm: AsyncIterator[bytes], limits: Limits
) -> AsyncIterator[tuple[bytes, bytes]]:
    """Yield pieces, then the rendition; hand over samples in between.

    Raises:
        TherapyError: what the child reports; EngineFailed if it ends without a word, EngineDied if that is
            because it crashed or reached a limit.
    """
    if child.stdin is None:
        raise EngineFailed("engine_failed", reason="no pipe")
    kind = b""
    while kind != protocol.FOUND:
        kind, content = await next_message_of(child, limits.silence)
        if kind == protocol.FAILED:
            raise reported_error(content)
        if kind == protocol.WANTED:
            child.stdin.write(protocol.frame(await anext(pcm, b"")))
            await sent_to(child, limits.silence)
        else:
            yield kind, content


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
