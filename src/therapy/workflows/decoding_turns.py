"""Which recordings are decoded first: playback gives way to those that somebody waits for."""

import asyncio

QUIET_SECONDS = 0.25
"""Where nothing has gone by for so long, an engine works at the speed of speech, or none does."""

MOST_SECONDS = 600.0
"""So long one playback gives way in all, so that it is made even where there is never a pause."""


class DecodingTurns:
    """Shared by the runs of one worker process, whose children share its cores."""

    def __init__(self) -> None:
        self._busy_until = 0.0

    def note(self) -> None:
        """Note that something has gone by of a recording for which somebody waits."""
        self._busy_until = asyncio.get_running_loop().time() + QUIET_SECONDS

    async def give_way(self, most: float = MOST_SECONDS) -> float:
        """Wait while such a recording is being decoded, at most so many seconds; return how many it took."""
        time = asyncio.get_running_loop().time
        began = time()
        while (left := min(self._busy_until, began + most) - time()) > 0:  # noqa: ASYNC110 - it moves
            await asyncio.sleep(left)
        return time() - began
