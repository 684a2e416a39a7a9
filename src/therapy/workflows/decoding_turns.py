"""Which recordings are decoded when: few at once for transcripts, and playback gives way to them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from math import inf, nextafter

QUIET_SECONDS = 0.25
"""Where an engine has had a piece of sound for so long, it works at the speed of speech."""

DECODING_SECONDS = 10.0
"""So long a decoder counts that works on the next piece; its process may have died."""

ARRIVING_SECONDS = 1.0
"""So long a recording counts as arriving after each block of it (4 MiB): a phone's mostly does not."""

MOST_SECONDS = 600.0
"""So long one run waits in all, so that it is done even where there is never a pause."""

MOST_RUNS = 128
"""Runs of one process that are counted at once; more go on uncounted."""

PLACE, UNTIL = 2, 1
"""The numbers of a place: when its run came (0: it is for what arrives), and until when it counts."""

NUMBERS = PLACE * (MOST_RUNS + 1)
"""The numbers of one process in a table, all 0 at first."""


class DecodingTurns:
    """Shared by the runs of a worker process, or of several: then `table` is memory that they share.

    `at_once` recordings, e.g. as many as there are cores, are decoded at full speed for transcripts, who came
    first before others: more would take as long together, each with its memory. What waits for an engine at
    the speed of speech does not count. Recordings that arrive keep nobody from being decoded, but playback
    gives way to them, too.

    Each process writes places of its own in the table, so that nothing needs a lock: for each run the moment
    at which it came, and until when it counts (0 = it is over). What a process that died has written is over
    within seconds. Processes that share a table have the same `clock`, in seconds. That is not the event
    loop's, the default: uvloop counts milliseconds, on macOS of another clock than Python.
    """

    def __init__(
        self,
        at_once: int = 64,
        table: "memoryview[float] | None" = None,
        clock: Callable[[], float] = lambda: asyncio.get_running_loop().time(),
    ) -> None:
        self._at_once, self._clock, self._came = at_once, clock, 0.0
        self._table: memoryview[float] | list[float] = table or [0.0] * NUMBERS
        self._runs: dict[str, int] = {}
        self.use_places_of(0)

    def use_places_of(self, number: int) -> None:
        """Write to the places of process `number` (from 0), called in that process before anything else."""
        first = number * NUMBERS
        self._arrivals, *self._free = range(first, first + NUMBERS, PLACE)

    async def begin(self, run: str, most: float = MOST_SECONDS) -> None:
        """Wait until a recording may be decoded for this run, at most so many seconds."""
        after_the_last = nextafter(self._came, inf)
        self._came = came = max(self._clock(), after_the_last)
        self._enter(run, came)
        try:
            while self._ahead(run, came) >= self._at_once and self._clock() < came + most:
                self._count(run, QUIET_SECONDS)
                await asyncio.sleep(QUIET_SECONDS / 5)
        except BaseException:
            self.end(run)
            raise
        self._count(run, DECODING_SECONDS)

    async def watched(self, run: str, pcm: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield the sound that is decoded for this run, and note whether its decoder works or its engine."""
        try:
            self._count(run, DECODING_SECONDS)
            async for chunk in pcm:
                self._count(run, QUIET_SECONDS)
                yield chunk
                self._count(run, DECODING_SECONDS)
        finally:
            self._count(run, 0.0)

    def end(self, run: str) -> None:
        """Note that nothing is decoded for this run any more."""
        if (place := self._runs.pop(run, None)) is not None:
            self._table[place + UNTIL] = 0.0
            self._free.append(place)

    def note_arrival(self) -> None:
        """Note that a block of a recording has arrived in this process."""
        self._table[self._arrivals + UNTIL] = self._clock() + ARRIVING_SECONDS

    async def give_way(self, most: float = MOST_SECONDS) -> float:
        """Wait while a recording arrives or is decoded for a transcript, at most so long; return how long."""
        began = self._clock()
        while (left := min(max(self._table[UNTIL::PLACE]), began + most) - self._clock()) > 0:  # noqa: ASYNC110 - it moves
            await asyncio.sleep(min(left, QUIET_SECONDS))
        return self._clock() - began

    def _enter(self, run: str, came: float) -> None:
        if run not in self._runs and self._free:
            self._runs[run] = self._free.pop()
            self._table[self._runs[run]] = came

    def _count(self, run: str, seconds: float) -> None:
        if (place := self._runs.get(run)) is not None:
            self._table[place + UNTIL] = self._clock() + seconds

    def _ahead(self, run: str, came: float) -> int:
        """Return how many other runs that came before are decoded at full speed, or wait.

        Of those that came at the same moment, the first place comes first: they must not wait for each other.
        """
        now, mine = self._clock(), self._runs.get(run, len(self._table))
        return sum(
            self._table[place] > 0 and self._table[place + UNTIL] > now
            for place in range(0, len(self._table), PLACE)
            if (self._table[place], place) < (came, mine)
        )
