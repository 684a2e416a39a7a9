"""Audio: decodes a recording's bytes into a stream of 16 kHz mono samples."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable

SAMPLE_RATE = 16_000
"""Samples per second of everything that `AudioDecoder.decode` yields."""

BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
"""16 bit mono: 32 bytes per millisecond."""

ReadRange = Callable[[int, int], Awaitable[bytes]]
"""Reads the bytes from `start` up to but not including `end`; fewer only at the end of the recording."""


class AudioDecoder(ABC):
    """Decodes recordings. Never keeps a whole recording in memory; never blocks the event loop."""

    @abstractmethod
    def decode(self, practice_id: str, read: ReadRange, size: int) -> AsyncIterator[bytes]:
        """Yield a recording of `size` bytes as 16 kHz mono signed 16 bit little-endian PCM.

        Chunks are whole samples, at most 1 MiB. Sizes in a WAV header are not trusted: everything
        after the header is audio, and a header that states more is not an error. A recording
        without samples yields nothing. Closing the iterator early frees everything.

        Raises:
            UndecodableAudio: the recording is broken, has no audio stream, or is truncated so that no
                samples, or of a compressed container not all the stated ones, can be read.
        """

    @abstractmethod
    async def check(self, practice_id: str, read: ReadRange, size: int) -> None:
        """Check a recording's container, not its samples, before it becomes a session.

        Refuses only what is certain: a container that can't be opened passes here and fails in
        `decode`, with a reason that the therapist sees.

        Raises:
            UnsupportedAudio: the container can be read and has no audio stream.
        """
