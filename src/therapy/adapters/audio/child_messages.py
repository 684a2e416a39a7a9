"""Runs the children that decode or encode sound: what they say to their parent is read and checked."""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.child_process.parent_side import end_child, ended, start_child
from therapy.domain import errors
from therapy.domain.errors import EngineDied, EngineFailed, TherapyError
from therapy.ports.audio import ReadRange

FAILURES: dict[str, type[TherapyError]] = {
    each.__name__: each
    for each in (
        errors.UnsupportedAudio,
        errors.TooLarge,
        errors.UndecodableAudio,
        errors.RecordingTooLong,
    )
}
"""What a child may report, by name; anything else is an engine that failed."""


@asynccontextmanager
async def child_with(
    order: protocol.Order | protocol.PlaybackOrder, module: str, *, limit: int
) -> AsyncIterator[Process]:
    """Start a module as a child with its order; kill and reap it at the end.

    `limit` is how many bytes of what it makes may wait here.
    """
    child = await start_child(module, limit=limit)
    try:
        if child.stdin is not None:
            child.stdin.write(protocol.line(order, os.getpid()))
        yield child
    finally:
        await end_child(child)


async def messages_of(
    child: Process, made: bytes, read: ReadRange, size: int, silence: float
) -> AsyncIterator[tuple[bytes, bytes]]:
    """Yield messages of the kind `made`, then what a child found; answer its requests for ranges meanwhile.

    `read` returns ranges of `size` bytes, all that the child may ask for.

    Raises:
        TherapyError: what the child reports; EngineFailed if it ends without a word, EngineDied if that is
            because it crashed or reached a limit.
    """
    if (outgoing := child.stdin) is None:
        raise EngineFailed("engine_failed", reason="no pipe")
    kind = b""
    while kind != protocol.FOUND:
        kind, content = await _next_message_of(child, silence)
        if kind == protocol.FAILED:
            raise _reported_error(content)
        if kind in (made, protocol.FOUND):
            yield kind, content
            continue
        if kind != protocol.RANGE:
            raise EngineDied(reason="protocol")
        start, end = protocol.SPAN.unpack(content)
        if not start <= end <= min(size, start + protocol.LONGEST_RANGE):
            raise EngineDied(reason="protocol")
        content = await read(start, end)
        outgoing.write(protocol.LENGTH.pack(len(content)))
        outgoing.write(content)
        await _sent_to(child, silence)


async def _next_message_of(child: Process, silence: float) -> tuple[bytes, bytes]:
    """Return the next message of a child, which has ended if that is its last.

    Raises:
        EngineFailed: the child ended without a word.
        EngineDied: it crashed or reached a limit, or for `silence` seconds it neither said a word nor ended.
    """
    if child.stdout is None:
        raise EngineFailed("engine_failed", reason="no pipe")
    async with _not_silent(silence):
        try:
            kind, content = await next_message(child.stdout)
        except asyncio.IncompleteReadError:
            raise ended(await child.wait()) from None
        if kind in (protocol.FOUND, protocol.FAILED):
            await child.wait()  # it ends by itself: killed now, it might be reaped twice
    return kind, content


async def _sent_to(child: Process, silence: float) -> None:
    """Wait until a child has taken what was written to it; if it has ended, its last words say how.

    Raises:
        EngineDied: for `silence` seconds it has not.
    """
    if child.stdin is not None:
        async with _not_silent(silence):
            with suppress(ConnectionError):
                await child.stdin.drain()


@asynccontextmanager
async def _not_silent(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise EngineDied(reason="silent") from None


async def next_message(incoming: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the next message: its kind and content.

    Raises:
        IncompleteReadError: the child has ended.
        EngineDied: it is no message, or longer than one may be.
    """
    kind, length = protocol.HEAD.unpack(await incoming.readexactly(protocol.HEAD.size))
    if length > protocol.LONGEST.get(kind, -1):
        raise EngineDied(reason="protocol")
    content = await incoming.readexactly(length)
    if kind == protocol.RANGE and length != protocol.SPAN.size:
        raise EngineDied(reason="protocol")
    return kind, content


def _reported_error(content: bytes) -> TherapyError:
    """Return the error that a child reports."""
    try:
        failed = protocol.decode_failed(content)
    except msgspec.MsgspecError:
        return EngineDied(reason="protocol")
    if failed.error in FAILURES and "code" not in failed.details:
        return FAILURES[failed.error](failed.code, **failed.details)
    return EngineFailed(failed.code, reason=failed.details.get("reason", ""))
