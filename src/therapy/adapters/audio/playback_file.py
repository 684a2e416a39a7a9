"""Encodes 16 kHz mono samples as AAC in an MP4 file whose index stands in front, and takes their peaks.

FFmpeg leaves room for the index where the file begins and fills it in at the end, so that nothing is kept but
the sizes of the packets: 64 ms of sound each.
"""

from array import array
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Protocol, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from therapy.adapters.audio.decoder_protocol import BIT_RATE, LEEWAY_MS
from therapy.domain.errors import RecordingTooLong
from therapy.ports.audio import PEAKS_PER_SECOND, SAMPLE_RATE

PACKET = 1_024
"""Samples in a packet of AAC."""

INDEX_BYTES = 4_096
"""What the index takes besides 4 bytes for each packet and 4 for each MiB."""

WINDOW = SAMPLE_RATE // PEAKS_PER_SECOND
LEAST = WINDOW // 5
"""Samples of silence that stand for a recording without any: 10 ms."""

PIECE_BYTES = 1 << 18

Send = Callable[[int, bytes], None]
"""Takes an offset in the file and the bytes that stand there."""


class _Container(Protocol):
    """What is used of PyAV's output container; its own type depends on the version."""

    def add_stream(self, codec_name: str, **options: object) -> AudioStream: ...
    def mux(self, packets: object) -> None: ...
    def close(self) -> None: ...


class PlaybackFile:
    """Writes the file for sound of about `expected_ms`, passing each piece of it to `send`."""

    def __init__(self, expected_ms: int, send: Send) -> None:
        self._most = (expected_ms + LEEWAY_MS) * SAMPLE_RATE // 1000
        room = INDEX_BYTES + (self._most // PACKET + 2) * 4
        self._container = cast(
            "_Container",
            av.open(_Output(send), "w", format="mp4", options={"moov_size": str(room)}),
        )
        self._stream = self._container.add_stream(
            "aac", rate=SAMPLE_RATE, layout="mono", options={"aac_coder": "fast"}
        )
        self._stream.bit_rate = BIT_RATE
        self._samples = 0
        self._peaks = Peaks()

    def add(self, pcm: bytes) -> None:
        """Encode samples.

        Raises:
            RecordingTooLong: there are more than the index has room for.
        """
        frame = AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
        frame.planes[0].update(pcm.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples
        self._samples += len(pcm) // 2
        if self._samples > self._most:
            raise RecordingTooLong(longest=self._most // SAMPLE_RATE)
        self._peaks.add(pcm)
        self._container.mux(self._stream.encode(frame))

    def end(self) -> tuple[int, bytes]:
        """Complete the file; return how long it is in milliseconds, and the peaks."""
        if not self._samples:
            self.add(bytes(2 * LEAST))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return -(-self._samples * 1000 // SAMPLE_RATE), self._peaks.end()


class Peaks:
    """The least and the greatest sample of each window, as two signed bytes."""

    def __init__(self) -> None:
        self._found = array("b")
        self._rest = array("h")

    def add(self, pcm: bytes) -> None:
        """Take samples."""
        samples = self._rest + array("h", pcm)
        whole = len(samples) // WINDOW * WINDOW
        for start in range(0, whole, WINDOW):
            self._found.extend(_peak(samples[start : start + WINDOW]))
        self._rest = samples[whole:]

    def end(self) -> bytes:
        """Return all peaks; the last may be of less than a window."""
        if self._rest:
            self._found.extend(_peak(self._rest))
        return self._found.tobytes()


def _peak(samples: "array[int]") -> Iterator[int]:
    yield from (min(127, (each + 128) >> 8) for each in (min(samples), max(samples)))


class _Output:
    """The file that FFmpeg writes to, with as little of it as a muxer needs."""

    def __init__(self, send: Send) -> None:
        self._send, self._at, self._size = send, 0, 0

    def write(self, content: bytes) -> int:
        """Send what is written; what was skipped before is zeros."""
        while self._size < self._at:
            zeros = min(PIECE_BYTES, self._at - self._size)
            self._send(self._size, bytes(zeros))
            self._size += zeros
        found = bytes(content)
        self._send(self._at, found)
        self._at += len(found)
        self._size = max(self._size, self._at)
        return len(found)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset from the start, from here or from the end."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the offset at which the next bytes are written."""
        return self._at
