"""The doorbell within one process, for installations of one machine: sessions that were rung for."""

import asyncio

from therapy.adapters.answered_rings import answer_for_ever
from therapy.ports.doorbell import Answer, Doorbell, Ring

MOST_RINGS = 1_000
"""The most sessions that are rung for at once; of others the sweep finds the work."""


class LocalDoorbell(Doorbell):
    """Keeps each session that was rung for once, until one of those who listen takes them all."""

    def __init__(self) -> None:
        self._rung: dict[Ring, None] = {}
        self._waiting = asyncio.Condition()

    async def ring(self, practice_id: str, session_id: str) -> None:
        async with self._waiting:
            if len(self._rung) < MOST_RINGS:  # nobody listens here, or all are busy
                self._rung[practice_id, session_id] = None
            self._waiting.notify()

    async def listen(self, answer: Answer) -> None:
        await answer_for_ever(self._receive, answer)

    async def _receive(self) -> tuple[Ring, ...]:
        async with self._waiting:
            await self._waiting.wait_for(lambda: self._rung)
            rings = tuple(self._rung)
            self._rung.clear()
            return rings
