"""A temporary file, without a name, for a recording of unknown length.

It is WAV, because a request can send it as it is: 115 MB an hour. FLAC would take 67 MB, and more CPU than
anything else that is done to a recording but its decoding. The file has no name from the moment it is opened,
so it is gone when the process ends, however it ends.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from therapy.domain.errors import EngineFailed
from therapy.domain.media_headers import WAV_HEADER_BYTES, wav_header
from therapy.ports.audio import BYTES_PER_MS, SAMPLE_RATE

WRITTEN_AT_ONCE = 1 << 20
"""Bytes of samples that one call of a thread writes, half a minute."""

READ_BYTES = 1 << 17
"""Bytes in a chunk that is read back, about four seconds of samples."""


class AudioBufferFile:
    """Buffers 16 kHz mono samples: `write`, `finish`, then read the file or the samples any number of times.

    One operation at a time. Threads use the file under a lock, because a task may be cancelled while its
    thread is still working.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed in __aexit__
        self._pending = bytearray()
        self._written = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._close)

    @property
    def duration_ms(self) -> int:
        """The duration (ms) of what has been written."""
        return (self._written + len(self._pending)) // BYTES_PER_MS

    @property
    def size(self) -> int:
        """The bytes of the file, once it is finished."""
        return WAV_HEADER_BYTES + self._written + len(self._pending)

    async def write(self, pcm: bytes) -> None:
        """Append samples.

        Raises:
            EngineFailed: there is no room on the disk.
        """
        self._pending += pcm
        if len(self._pending) >= WRITTEN_AT_ONCE:
            await asyncio.to_thread(self._write)

    async def finish(self) -> None:
        """Write what is left, and the header. Harmless when repeated.

        Raises:
            EngineFailed: there is no room on the disk.
        """
        await asyncio.to_thread(self._write)
        await asyncio.to_thread(self._put, wav_header(self._written, SAMPLE_RATE), 0)

    def reader(self) -> BinaryIO:
        """Return a new reader at the start of the finished file; closing it does not affect the buffer."""
        again = os.fdopen(os.dup(self._file.fileno()), "rb")
        again.seek(0)
        return again

    @property
    def read_to_the_end(self) -> bool:
        """Whether the last reader has read the whole file, even if it is closed by now."""
        return os.lseek(self._file.fileno(), 0, os.SEEK_CUR) >= self.size

    async def pcm(self) -> AsyncIterator[bytes]:
        """Yield the samples of the finished file."""
        at = WAV_HEADER_BYTES
        while chunk := await asyncio.to_thread(self._read, at):
            yield chunk
            at += len(chunk)

    def _write(self) -> None:
        self._put(self._pending, WAV_HEADER_BYTES + self._written)
        self._written += len(self._pending)
        self._pending = bytearray()

    def _put(self, content: bytes | bytearray, at: int) -> None:
        left = memoryview(content)
        try:
            with self._lock:
                while left and not self._file.closed:
                    written = os.pwrite(self._file.fileno(), left, at)
                    left, at = left[written:], at + written
        except OSError:
            raise EngineFailed(reason="no_room", transient=True) from None

    def _read(self, at: int) -> bytes:
        with self._lock:
            return b"" if self._file.closed else os.pread(self._file.fileno(), READ_BYTES, at)

    def _close(self) -> None:
        with self._lock, suppress(OSError):
            self._file.close()
