"""A recording on disk while it is not known how long it will be: lossless, half its size, nameless.

FLAC, because one request takes it as it is and because its samples can be had again, all of them.
The file has no name from the moment it is opened: whatever becomes of the process, it is gone.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import av
from av.audio.frame import AudioFrame

from therapy.domain.errors import EngineFailed
from therapy.ports.audio import BYTES_PER_MS, SAMPLE_RATE

FULL = (OSError, av.FFmpegError)
"""What a disk without room raises, directly or through FFmpeg."""

READ_BYTES = 1 << 17
"""About four seconds of samples in a chunk that is read back."""


class AudioBufferFile:
    """Write 16 kHz mono samples, `finish`, then read the file or the samples as often as wanted.

    One thing at a time. A codec works in a worker thread, under a lock: a task may be cancelled
    while its thread is still at work.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed in __aexit__
        self._container = av.open(self._file, "w", format="flac")
        self._stream = self._container.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        self._stream.codec_context.format = "s16"
        self._samples = 0
        self._open = True

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
        """How much has been written."""
        return self._samples * 2 // BYTES_PER_MS

    @property
    def size(self) -> int:
        """Bytes on disk so far; the whole after `finish`."""
        return os.fstat(self._file.fileno()).st_size

    async def write(self, pcm: bytes) -> None:
        """Add samples.

        Raises:
            EngineFailed: there is no room on the disk.
        """
        await asyncio.to_thread(self._write, pcm)

    async def finish(self) -> None:
        """Write what the encoder still holds, and how long it is. Harmless when repeated.

        Raises:
            EngineFailed: there is no room on the disk.
        """
        await asyncio.to_thread(self._finish)

    def reader(self) -> BinaryIO:
        """Open the finished file anew, at its beginning; closing it leaves the buffer as it is."""
        again = os.fdopen(os.dup(self._file.fileno()), "rb")
        again.seek(0)
        return again

    async def pcm(self) -> AsyncIterator[bytes]:
        """Give the samples of the finished file."""
        chunks = self._decode()
        while (chunk := await asyncio.to_thread(self._next, chunks)) is not None:
            yield chunk

    def _write(self, pcm: bytes) -> None:
        with self._lock:
            if not self._open:
                return
            frame = AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
            frame.sample_rate = SAMPLE_RATE
            frame.planes[0].update(pcm)
            frame.pts = self._samples
            self._mux(frame)
            self._samples += frame.samples

    def _mux(self, frame: AudioFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
            if frame is None:
                self._container.close()
                self._file.flush()
        except FULL:
            raise EngineFailed(reason="no_room", transient=True) from None

    def _finish(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                self._mux(None)

    def _decode(self) -> Iterator[bytes]:
        with self.reader() as file, av.open(file, "r", format="flac") as container:
            held = bytearray()
            for frame in container.decode(audio=0):
                held += memoryview(frame.planes[0])[: frame.samples * 2]
                if len(held) >= READ_BYTES:
                    yield bytes(held)
                    held.clear()
            if held:
                yield bytes(held)

    def _next(self, chunks: Iterator[bytes]) -> bytes | None:
        with self._lock:
            return None if self._file.closed else next(chunks, None)

    def _close(self) -> None:
        with self._lock:
            self._open = False
            with suppress(*FULL):
                self._container.close()
            with suppress(*FULL):
                self._file.close()
