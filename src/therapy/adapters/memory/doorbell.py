"""The doorbell within one process: a queue."""

import asyncio

from therapy.adapters.answered_rings import answer_for_ever
from therapy.ports.doorbell import Answer, Doorbell, Ring


class MemoryDoorbell(Doorbell):
    """All listeners share one queue, so each ring is answered once."""

    def __init__(self) -> None:
        self._rings: asyncio.Queue[Ring] = asyncio.Queue()

    async def ring(self, practice_id: str, session_id: str) -> None:
        self._rings.put_nowait((practice_id, session_id))

    async def listen(self, answer: Answer) -> None:
        await answer_for_ever(self._receive, answer)

    async def _receive(self) -> list[Ring]:
        rings = [await self._rings.get()]
        while not self._rings.empty():
            rings.append(self._rings.get_nowait())
        return rings
