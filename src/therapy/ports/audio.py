"""Audio: any container's bytes into 16 kHz mono samples, as a stream."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable

SAMPLE_RATE = 16_000
"""Samples a second of everything that `AudioDecoder.decode` gives."""

BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
"""16 bit mono: 32 bytes a millisecond."""

ReadRange = Callable[[int, int], Awaitable[bytes]]
"""Reads bytes `start` up to but not including `end`; fewer only at the end of the recording."""


class AudioDecoder(ABC):
    """Decodes what people record. Never holds a whole recording; never blocks the event loop."""

    @abstractmethod
    def decode(self, practice_id: str, read: ReadRange, size: int) -> AsyncIterator[bytes]:
        """Give a recording of `size` bytes as 16 kHz mono signed 16 bit little-endian PCM.

        Chunks are whole samples, at most 1 MiB. Sizes in a WAV header are not trusted: everything
        after the header is audio, and a header that promises more is not an error. A recording
        with no samples gives no chunk. Closing the iterator early frees everything.

        Raises:
            UndecodableAudio: broken, truncated so that no samples or not all of the promised
                ones of a compressed container can be read, or it holds no audio stream.
        """

    @abstractmethod
    async def check(self, practice_id: str, read: ReadRange, size: int) -> None:
        """Look into a recording's container, not at its samples, before it becomes a session.

        Only what is sure is refused: a container that can't be opened may still be refused by
        `decode`, with a reason that its therapist can see.

        Raises:
            UnsupportedAudio: the container can be read and holds no audio stream.
        """
