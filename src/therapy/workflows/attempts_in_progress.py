"""Attempts of this process that are being tried right now: whether they count is not known yet.

Whoever is refused because of them waits until one has ended, and asks again: people who sign in with the
right password at the same moment do not keep each other out.
"""

import asyncio
from collections import Counter, defaultdict, deque

LOCKS = 64
"""Keys that are counted at the same time."""

MOST_WAITING = 32
"""Of one key; whoever comes then is refused at once."""


class AttemptsInProgress:
    """Counts the attempts under each key that have begun and not ended."""

    def __init__(self) -> None:
        self._locks = tuple(asyncio.Lock() for _ in range(LOCKS))
        self._running = Counter[str]()
        self._waiting = defaultdict[str, deque[asyncio.Future[None]]](deque)

    def beginning(self, key: str) -> asyncio.Lock:
        """Return what to lock while an attempt is counted, so that who is refused meanwhile knows of it."""
        return self._locks[hash(key) % LOCKS]

    def begin(self, key: str) -> None:
        """Note that an attempt under this key has begun."""
        self._running[key] += 1

    def end(self, key: str) -> None:
        """Note that it has ended: one that waits goes on; with the last attempt, all of them."""
        self._running[key] -= 1
        is_last = self._running[key] <= 0
        if is_last:
            del self._running[key]
        self._wake(key, every=is_last)

    async def next_end(self, key: str) -> bool:
        """Wait until an attempt under this key has ended; False at once if there is none to wait for."""
        if key not in self._running or len(self._waiting[key]) >= MOST_WAITING:
            return False
        ended = asyncio.get_running_loop().create_future()
        self._waiting[key].append(ended)
        await ended
        return True

    def _wake(self, key: str, *, every: bool) -> None:
        waiting = self._waiting.get(key, deque())
        while waiting:
            ended = waiting.popleft()
            if not ended.done():
                ended.set_result(None)
                if not every:
                    return
        self._waiting.pop(key, None)
