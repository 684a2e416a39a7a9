"""The doorbell within one process: a queue."""

import asyncio
import logging

from therapy.ports.doorbell import Answer, Doorbell

LOG = logging.getLogger("therapy.doorbell")


class MemoryDoorbell(Doorbell):
    """All listeners share one queue, so each ring is answered once."""

    def __init__(self) -> None:
        self._rings: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def ring(self, practice_id: str, session_id: str) -> None:
        self._rings.put_nowait((practice_id, session_id))

    async def listen(self, answer: Answer, *, at_once: int) -> None:
        free = asyncio.Semaphore(at_once)
        answers: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            answers.discard(task)
            free.release()

        try:
            while True:
                await free.acquire()
                task = asyncio.create_task(_answer(answer, *await self._rings.get()))
                answers.add(task)
                task.add_done_callback(ended)
        finally:
            for task in answers:
                task.cancel()


async def _answer(answer: Answer, practice_id: str, session_id: str) -> None:
    try:
        await answer(practice_id, session_id)
    except Exception as exc:  # noqa: BLE001 - whatever went wrong, the next ring must be answered
        LOG.error("answering a ring failed: %s", type(exc).__name__)  # noqa: TRY400 - a traceback may quote a text
