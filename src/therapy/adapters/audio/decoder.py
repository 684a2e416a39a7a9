"""Decodes recordings in a child process each, and checks them the same way.

The child (`decoder_process`) asks for ranges of the recording, which are read here, on the event loop, and is
killed and reaped when the iterator ends, however it ends. A slow consumer makes it wait: its pipe is full.
"""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec

import msgspec

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.child_process.parent_side import end_child, start_child
from therapy.domain import errors
from therapy.domain.audio_findings import AudioFindings
from therapy.domain.errors import EngineFailed, TherapyError, UnsupportedAudio
from therapy.ports.audio import AudioDecoder, ReadRange, ignore

if find_spec("av") is None:  # only the child imports it, but it is missed at the start
    raise ModuleNotFoundError("No module named 'av'", name="av")

CHILD = "therapy.adapters.audio.decoder_process"
PIPE_LIMIT = 1 << 16
"""Bytes of samples that may wait here for the consumer."""

CHECK_SECONDS = 20.0
"""A check that takes longer is given up: then decoding decides."""

CHECKS_AT_ONCE = 4
"""More checks wait: each is a process of at least 40 MB, and many uploads may end at the same moment."""


class PyAvAudioDecoder(AudioDecoder):
    """Decodes with PyAV: one child process per open iterator or running check, none otherwise."""

    def __init__(self) -> None:
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def decode(
        self,
        practice_id: str,  # noqa: ARG002 - the range reader knows the recording
        read: ReadRange,
        size: int,
        *,
        on_end: Callable[[AudioFindings], None] = ignore,
    ) -> AsyncGenerator[bytes, None]:
        async with _child(size, check=False) as child:
            async for kind, content in _messages(child, read):
                if kind == protocol.PCM:
                    yield content
                else:
                    on_end(msgspec.json.decode(content, type=AudioFindings))

    async def check(
        self,
        practice_id: str,  # noqa: ARG002 - the range reader knows the recording
        read: ReadRange,
        size: int,
    ) -> None:
        async with self._checks:
            with suppress(EngineFailed, TimeoutError):  # only what is certain is refused
                async with asyncio.timeout(CHECK_SECONDS), _child(size, check=True) as child:
                    async for _ in _messages(child, read):
                        pass


@asynccontextmanager
async def _child(size: int, *, check: bool) -> AsyncIterator[Process]:
    """Start a child with its order; kill and reap it at the end."""
    child = await start_child(CHILD, limit=PIPE_LIMIT)
    try:
        if child.stdin is not None:
            child.stdin.write(protocol.line(protocol.Order(size, check, os.getpid())))
        yield child
    finally:
        await end_child(child)


async def _messages(child: Process, read: ReadRange) -> AsyncIterator[tuple[bytes, bytes]]:
    """Yield samples, then what was found; answer requests for ranges in between.

    Raises:
        TherapyError: what the child reports; EngineFailed if it ends without a word.
    """
    incoming, outgoing = child.stdout, child.stdin
    if incoming is None or outgoing is None:
        raise EngineFailed("engine_failed", reason="no pipe")
    kind = b""
    while kind != protocol.FOUND:
        try:
            head = await incoming.readexactly(protocol.HEAD.size)
            kind, length = protocol.HEAD.unpack(head)
            content = await incoming.readexactly(length)
        except asyncio.IncompleteReadError:
            status = await child.wait()
            raise EngineFailed("engine_failed", reason="decoder_died", status=status) from None
        if kind in (protocol.FOUND, protocol.FAILED):
            await child.wait()  # it ends by itself: killed now, it might be reaped twice
        if kind == protocol.FAILED:
            raise _error(protocol.decode_failed(content))
        if kind != protocol.RANGE:
            yield kind, content
            continue
        outgoing.write(protocol.frame(await read(*protocol.SPAN.unpack(content))))
        with suppress(ConnectionError):  # it has ended: reading its last words says how
            await outgoing.drain()


def _error(failed: protocol.Failed) -> TherapyError:
    if failed.error == UnsupportedAudio.__name__:
        return UnsupportedAudio(failed.code, **failed.details)
    if failed.error == errors.UndecodableAudio.__name__:
        return errors.UndecodableAudio(failed.code, **failed.details)
    return EngineFailed("engine_failed", reason=failed.details.get("reason", ""))
