"""Makes what browsers play: samples go to a child process, pieces of an MP4 file with AAC come back."""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.child_messages import next_message, reported_error
from therapy.adapters.child_process.limits import Limits
from therapy.adapters.child_process.parent_side import end_child, ended, start_child
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
    if child.stdout is None or child.stdin is None:
        raise EngineFailed("engine_failed", reason="no pipe")
    kind = b""
    while kind != protocol.FOUND:
        try:
            async with asyncio.timeout(limits.silence):
                kind, content = await next_message(child.stdout)
        except TimeoutError:
            raise EngineDied(reason="silent") from None
        except asyncio.IncompleteReadError:
            raise ended(await child.wait()) from None
        if kind in (protocol.FOUND, protocol.FAILED):
            await child.wait()  # it ends by itself: killed now, it might be reaped twice
        if kind == protocol.FAILED:
            raise reported_error(content)
        if kind == protocol.WANTED:
            child.stdin.write(protocol.frame(await anext(pcm, b"")))
            with suppress(ConnectionError):  # it has ended: reading its last words says how
                await child.stdin.drain()
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
