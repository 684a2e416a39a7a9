"""The doorbell within one process, for installations of one machine: sessions that were rung for."""

import asyncio
import logging

from therapy.ports.doorbell import Answer, Doorbell, Ring

MOST_RINGS = 1_000
"""The most sessions that are rung for at once; of others the sweep finds the work."""

log = logging.getLogger(__name__)


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
        while True:
            rings = await self._heard()
            try:
                await answer(rings)
            except Exception as exc:  # noqa: BLE001 - one bad session must not end the listening
                log.error(  # noqa: TRY400 - a traceback may quote what people said
                    "rings were not answered",
                    extra={"rings": len(rings), "error": type(exc).__name__},
                )

    async def _heard(self) -> tuple[Ring, ...]:
        async with self._waiting:
            await self._waiting.wait_for(lambda: self._rung)
            rings = tuple(self._rung)
            self._rung.clear()
            return rings
