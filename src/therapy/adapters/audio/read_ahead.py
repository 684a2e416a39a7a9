"""Reads a recording ahead of its decoder: 1 to 8 MiB at a time, the next while the last are decoded."""

import asyncio

from therapy.ports.audio import ReadRange

LEAST_BYTES, FIRST_BYTES, MOST_BYTES = 1 << 20, 2 << 20, 8 << 20
"""So much is read at once of what is read in order: two of them are in memory, three while one is joined."""

IN_TIME = 4
"""After so many segments for which the decoder did not wait, one after the other, they are made smaller."""


class ReadAhead:
    """Answers ranges of a recording of `size` bytes, which it reads with `read`.

    A range that follows the one before is part of a segment, and the next segment is read meanwhile; any
    other is read as it is. A segment for which the decoder waited has the next one doubled, which takes fewer
    requests; several that came in time have it halved, which takes less memory. `aclose` ends what is still
    being read.
    """

    def __init__(self, read: ReadRange, size: int) -> None:
        self._read, self._size = read, size
        self._end, self._length = 0, FIRST_BYTES
        self._in_time = 0
        self._at, self._segment = 0, b""
        self._next: asyncio.Future[bytes] | None = None
        self._next_at = 0

    async def range(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to but not including `end`, see `Recordings.read`.

        Raises:
            TherapyError: what `read` raises.
        """
        follows, self._end = 0 < start == self._end, end
        if not self._has(start, end):
            if not follows or end - start > LEAST_BYTES:
                return await self._read(start, end)
            await self._advance(start)
        return self._segment[start - self._at : end - self._at]

    async def aclose(self) -> None:
        """End what is still being read; nobody waits for it any more."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
            self._next.cancelled() or self._next.exception()  # retrieved: asyncio would report it
            self._next = None

    def _has(self, start: int, end: int) -> bool:
        return self._at <= start and end <= self._at + len(self._segment)

    async def _advance(self, start: int) -> None:
        """Make the segment that begins at `start` the current one, and have the next one read."""
        reading = self._next if self._next_at == start else None
        if reading is None:
            await self.aclose()
            reading = self._segment_from(start)
        elif reading.done():
            self._in_time += 1
            if self._in_time % IN_TIME == 0:
                self._length = max(LEAST_BYTES, self._length // 2)
        else:
            self._in_time, self._length = 0, min(MOST_BYTES, self._length * 2)
        self._next, self._next_at = reading, start
        self._segment = b""  # not three of them at once
        self._segment = await reading
        self._at, self._next = start, None
        after = start + len(self._segment)
        if after < self._size:
            self._next, self._next_at = self._segment_from(after), after

    def _segment_from(self, start: int) -> "asyncio.Future[bytes]":
        return asyncio.ensure_future(self._read(start, min(start + self._length, self._size)))
