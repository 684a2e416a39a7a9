"""The doorbell inside one process: a queue."""

import asyncio
import logging

from therapy.ports.doorbell import Answer, Doorbell

LOG = logging.getLogger("therapy.doorbell")


class MemoryDoorbell(Doorbell):
    """Whoever listens shares one queue, so each ring is answered once."""

    def __init__(self) -> None:
        self._rings: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def ring(self, practice_id: str, session_id: str) -> None:
        self._rings.put_nowait((practice_id, session_id))

    async def listen(self, answer: Answer, *, at_once: int) -> None:
        free = asyncio.Semaphore(at_once)
        at_work: set[asyncio.Task[None]] = set()

        def over(task: asyncio.Task[None]) -> None:
            at_work.discard(task)
            free.release()

        try:
            while True:
                await free.acquire()
                task = asyncio.create_task(_answer(answer, *await self._rings.get()))
                at_work.add(task)
                task.add_done_callback(over)
        finally:
            for task in at_work:
                task.cancel()


async def _answer(answer: Answer, practice_id: str, session_id: str) -> None:
    try:
        await answer(practice_id, session_id)
    except Exception as exc:  # noqa: BLE001 - whatever went wrong, the next ring must be heard
        LOG.error("answering a ring failed: %s", type(exc).__name__)  # noqa: TRY400 - a traceback may quote a text
