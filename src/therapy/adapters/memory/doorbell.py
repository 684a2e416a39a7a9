"""The doorbell within one process: a queue."""

import asyncio
import logging

from therapy.ports.doorbell import Answer, Doorbell, Ring

LOG = logging.getLogger("therapy.doorbell")


class MemoryDoorbell(Doorbell):
    """All listeners share one queue, so each ring is answered once."""

    def __init__(self) -> None:
        self._rings: asyncio.Queue[Ring] = asyncio.Queue()

    async def ring(self, practice_id: str, session_id: str) -> None:
        self._rings.put_nowait((practice_id, session_id))

    async def listen(self, answer: Answer) -> None:
        while True:
            rings = [await self._rings.get()]
            while not self._rings.empty():
                rings.append(self._rings.get_nowait())
            try:
                await answer(tuple(dict.fromkeys(rings)))
            except Exception as exc:  # noqa: BLE001 - whatever went wrong, the next ring must be answered
                LOG.error("answering rings failed: %s", type(exc).__name__)  # noqa: TRY400 - a traceback may quote a text
