"""Which recordings are decoded when: few at once for transcripts, and playback gives way to them."""

import asyncio

QUIET_SECONDS = 0.25
"""Where nothing has gone by for so long, an engine works at the speed of speech, or none does."""

STARTING_SECONDS = 2.0
"""So long a decoder that was just begun counts before anything has gone by."""

MOST_SECONDS = 600.0
"""So long one run waits in all, so that it is done even where there is never a pause."""


class DecodingTurns:
    """Shared by the runs of one worker process, whose children share its cores.

    `at_once` recordings, e.g. as many as there are cores, are decoded at full speed for transcripts: more
    would take as long together, each with its memory. What waits for an engine at the speed of speech does
    not count.
    """

    def __init__(self, at_once: int = 64) -> None:
        self._at_once = at_once
        self._busy_until: dict[str, float] = {}

    async def begin(self, run: str, most: float = MOST_SECONDS) -> None:
        """Wait until a recording may be decoded for this run, at most so many seconds."""
        time = asyncio.get_running_loop().time
        until = time() + most
        while self._busy(run) >= self._at_once and time() < until:  # noqa: ASYNC110 - time goes by, too
            await asyncio.sleep(QUIET_SECONDS / 5)
        self._busy_until[run] = time() + STARTING_SECONDS

    def note(self, run: str) -> None:
        """Note that something has gone by of the recording that is decoded for this run."""
        self._busy_until[run] = asyncio.get_running_loop().time() + QUIET_SECONDS

    def end(self, run: str) -> None:
        """Note that nothing is decoded for this run any more."""
        self._busy_until.pop(run, None)

    async def give_way(self, most: float = MOST_SECONDS) -> float:
        """Wait while anything is decoded for a transcript, at most so many seconds; return how long."""
        time = asyncio.get_running_loop().time
        began = time()
        while (left := min(self._last(), began + most) - time()) > 0:  # noqa: ASYNC110 - it moves
            await asyncio.sleep(left)
        return time() - began

    def _busy(self, run: str) -> int:
        """Return for how many other runs recordings are decoded at full speed."""
        now = asyncio.get_running_loop().time()
        return sum(until > now for other, until in self._busy_until.items() if other != run)

    def _last(self) -> float:
        return max(self._busy_until.values(), default=0.0)
