"""Decodes recordings in a child process each, and checks them the same way.

The child (`decoder_process`) asks for ranges of the recording, which are read here, on the event loop, and is
killed and reaped when the iterator ends, however it ends. A slow consumer makes it wait: its pipe is full.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from importlib.util import find_spec

import msgspec
from msgspec.structs import replace

from therapy.adapters.audio import decoder_protocol as protocol
from therapy.adapters.audio.child_messages import child_with, messages_of
from therapy.adapters.audio.playback import playback_file
from therapy.adapters.audio.read_ahead import ReadAhead
from therapy.adapters.child_process.limits import Limits
from therapy.domain import media_headers
from therapy.domain.audio_findings import AudioFindings
from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.domain.errors import EngineDied, TooLarge, WorkFailed
from therapy.ports.audio import (
    LONGEST_MS,
    AudioDecoder,
    ReadableRecording,
    ReadRange,
    Rendition,
    ignore,
)

if find_spec("av") is None:  # only the child imports it, but it is missed at the start
    raise ModuleNotFoundError("No module named 'av'", name="av")

CHILD = "therapy.adapters.audio.decoder_process"
PIPE_LIMIT = 1 << 18
"""Bytes of samples that may wait here for the consumer."""

CHECK_SECONDS = 20.0
"""A check that takes longer is given up: then decoding decides."""

HEAD_BYTES = 1 << 12
"""So much is read to see whether a recording is a WAV that needs no child."""

MEMORY = 128 << 20
"""Bytes that a decoder may take beyond the 40 MB that it starts with; the index of 4 hours takes 20 MB."""

CHECK_MEMORY = 48 << 20
"""Bytes that a check may take: less, as several run at once, and what does not fit is left to decoding."""

CHECKS_AT_ONCE = 4
CHECKS_WAITING = 16
"""So many wait: at 20 s a check that is a minute or two; nobody's client waits longer."""

BUSY_SECONDS = 30
"""After so long whoever was not admitted may come back."""


class PyAvAudioDecoder(AudioDecoder):
    """Decodes with PyAV: one child process per open iterator or running check, none otherwise.

    Each child keeps to `limits`, one that checks to less. `checks_at_once` run in this process,
    `checks_waiting` wait for them, and whatever comes then is told to come back.
    """

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        checks_at_once: int = CHECKS_AT_ONCE,
        checks_waiting: int = CHECKS_WAITING,
    ) -> None:
        self._limits = limits or Limits(memory=MEMORY)
        self._check_limits = replace(
            self._limits,
            memory=min(self._limits.memory, CHECK_MEMORY),
            cpu=CHECK_SECONDS,
            cpu_per_minute=0,
        )
        self._checks = asyncio.Semaphore(checks_at_once)
        self._checks_limit = ConcurrencyLimit(
            checks_at_once + checks_waiting, "checks_busy", retry_after=BUSY_SECONDS
        )

    async def decode(
        self,
        practice_id: str,  # noqa: ARG002 - the range reader knows the recording
        read: ReadRange,
        size: int,
        *,
        longest_ms: int = LONGEST_MS,
        on_end: Callable[[AudioFindings], None] = ignore,
    ) -> AsyncGenerator[bytes, None]:
        order = protocol.Order(size, check=False, longest_ms=longest_ms, limits=self._limits)
        async with (
            aclosing(ReadAhead(read, size)) as ahead,
            child_with(order, CHILD, limit=PIPE_LIMIT) as child,
        ):
            async for kind, content in messages_of(
                child, protocol.PCM, ahead.range, size, order.limits.silence
            ):
                if kind == protocol.PCM:
                    yield content
                else:
                    on_end(_findings(content))

    async def check(
        self,
        practice_id: str,  # noqa: ARG002 - the range reader knows the recording
        read: ReadRange,
        size: int,
        *,
        longest_ms: int = LONGEST_MS,
    ) -> int:
        with self._checks_limit.counted():
            async with self._checks:
                with suppress(WorkFailed, TimeoutError):  # only what is certain is refused
                    return await self._length(read, size, longest_ms)
        return 0

    async def playback(
        self,
        practice_id: str,  # noqa: ARG002 - the range readers know the recordings
        recordings: Sequence[ReadableRecording],
        *,
        expected_ms: int,
        longest_ms: int = LONGEST_MS,
        on_end: Callable[[Rendition], None],
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield the pieces of an MP4 file with AAC, see `SupportsPlayback`."""
        made = playback_file(recordings, expected_ms, longest_ms, self._limits, on_end)
        async with aclosing(made) as pieces:
            async for piece in pieces:
                yield piece

    async def _length(self, read: ReadRange, size: int, longest_ms: int) -> int:
        """Return what the headers say, in ms; raise what a check does.

        A plain WAV, which is what the app sends, needs no child: its header is some numbers.
        """
        async with asyncio.timeout(CHECK_SECONDS):
            head = await read(0, min(size, HEAD_BYTES))
            if length := media_headers.plain_wav_ms(head, size):
                if length > longest_ms:
                    raise TooLarge("too_long", longest=longest_ms // 1000)
                return length
            return (await self._looked_at(read, size, longest_ms)).duration_ms

    async def _looked_at(self, read: ReadRange, size: int, longest_ms: int) -> AudioFindings:
        """Return what a child finds in the headers; raise what a check does."""
        order = protocol.Order(size, check=True, longest_ms=longest_ms, limits=self._check_limits)
        found = AudioFindings()
        async with child_with(order, CHILD, limit=PIPE_LIMIT) as child:
            messages = messages_of(child, protocol.FOUND, read, size, order.limits.silence)
            async for _, content in messages:
                found = _findings(content)
        return found


def _findings(content: bytes) -> AudioFindings:
    try:
        return msgspec.json.decode(content, type=AudioFindings)
    except msgspec.MsgspecError:
        raise EngineDied(reason="protocol") from None
