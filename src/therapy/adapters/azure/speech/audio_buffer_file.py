"""A temporary file for a recording of unknown length: losslessly compressed, half the size, unnamed.

It is FLAC, because a request can send it as it is, and because all samples can be recovered from it. The
file has no name from the moment it is opened, so it is gone when the process ends, however it ends.
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
"""What a full disk raises, directly or through FFmpeg."""

ENCODED_AT_ONCE = 1 << 20
"""Bytes of samples that one call of a thread encodes, half a minute; as many come in meanwhile."""

FLAC_OPTIONS = {
    "frame_size": "4608",  # samples, the most that every decoder of FLAC takes
    "lpc_type": "fixed",
    "min_prediction_order": "2",
    "max_prediction_order": "2",
    "max_partition_order": "4",
}
"""One predictor, of the second order, and none worked out for each frame: for speech a quarter less CPU and
4 % more bytes. With four times as many frames it would take a quarter more."""

READ_BYTES = 1 << 17
"""Bytes in a chunk that is read back, about four seconds of samples."""


class AudioBufferFile:
    """Buffers 16 kHz mono samples: `write`, `finish`, then read the file or the samples any number of times.

    One operation at a time. Codecs run in a worker thread, under a lock, because a task may be cancelled
    while its thread is still working.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed in __aexit__
        self._container = av.open(self._file, "w", format="flac")
        self._stream = self._container.add_stream(
            "flac", rate=SAMPLE_RATE, layout="mono", options=FLAC_OPTIONS
        )
        self._stream.codec_context.format = "s16"
        self._pending = bytearray()
        self._encoding: asyncio.Task[None] | None = None
        self._taken = self._samples = 0
        self._open = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._encoding is not None:
                await asyncio.wait([self._encoding])
                self._encoding.cancelled() or self._encoding.exception()  # nobody asks any more
        finally:
            await asyncio.to_thread(self._close)

    @property
    def duration_ms(self) -> int:
        """The duration (ms) of what has been written."""
        return self._taken // BYTES_PER_MS

    @property
    def size(self) -> int:
        """Bytes on disk so far; the total after `finish`."""
        return os.fstat(self._file.fileno()).st_size

    async def write(self, pcm: bytes) -> None:
        """Append samples; they are encoded while the next ones come.

        Raises:
            EngineFailed: there is no room on the disk, for these samples or for those before.
        """
        self._taken += len(pcm)
        self._pending += pcm
        if len(self._pending) >= ENCODED_AT_ONCE:
            await self._encoded()
            self._encoding = asyncio.create_task(asyncio.to_thread(self._write, self._swap()))

    async def finish(self) -> None:
        """Write what is left in the encoder, and the length. Harmless when repeated.

        Raises:
            EngineFailed: there is no room on the disk.
        """
        await self._encoded()
        await asyncio.to_thread(self._finish, self._swap())

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
        chunks = self._decode()
        while (chunk := await asyncio.to_thread(self._next, chunks)) is not None:
            yield chunk

    async def _encoded(self) -> None:
        """Wait until what is being encoded is."""
        if self._encoding is not None:
            await asyncio.shield(self._encoding)
            self._encoding = None

    def _swap(self) -> bytes:
        """Return the samples that wait to be encoded; none wait then."""
        samples, self._pending = bytes(self._pending), bytearray()
        return samples

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

    def _finish(self, samples: bytes) -> None:
        if samples:
            self._write(samples)
        with self._lock:
            if self._open:
                self._open = False
                self._mux(None)

    def _decode(self) -> Iterator[bytes]:
        with self.reader() as file, av.open(file, "r", format="flac") as container:
            pending = bytearray()
            for frame in container.decode(audio=0):
                pending += memoryview(frame.planes[0])[: frame.samples * 2]
                if len(pending) >= READ_BYTES:
                    yield bytes(pending)
                    pending.clear()
            if pending:
                yield bytes(pending)

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
