"""The doorbell over Taskiq: a ring is a named task with nothing but the session's ids.

Taskiq's process manager is not used: the receiver runs in our own process, so that there is no module-level
broker and only one SIGTERM handler (`docs/adr/004-doorbell.md`).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from taskiq import AsyncBroker, BrokerMessage
from taskiq.acks import AcknowledgeType
from taskiq.api import run_receiver_task
from taskiq.exceptions import SendTaskError
from taskiq.kicker import AsyncKicker

from therapy.domain.errors import Unavailable
from therapy.ports.doorbell import Answer, Doorbell

TASK = "work_on_session"
log = logging.getLogger(__name__)


MOST_RINGS = 1_000
"""The most rings that wait in one process; more are lost, as rings may be: the sweep rings again."""


class QueueBroker(AsyncBroker):
    """A broker within one process: the default without Redis."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MOST_RINGS)

    async def kick(self, message: BrokerMessage) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # nobody listens here, or all are busy
            self._queue.put_nowait(message.message)

    async def listen(self) -> AsyncGenerator[bytes, None]:
        while True:
            yield await self._queue.get()


class TaskiqDoorbell(Doorbell):
    """Rings and listens through any Taskiq broker."""

    def __init__(self, broker: AsyncBroker) -> None:
        self._broker = broker

    async def ring(self, practice_id: str, session_id: str) -> None:
        kicker: AsyncKicker[[str, str], None] = AsyncKicker(TASK, self._broker, {})
        try:
            await kicker.kiq(practice_id, session_id)
        except SendTaskError as exc:
            raise Unavailable(dependency="doorbell") from exc

    async def listen(self, answer: Answer, *, at_once: int) -> None:
        async def work_on_session(practice_id: str, session_id: str) -> None:
            try:
                await answer(practice_id, session_id)
            except Exception as exc:  # noqa: BLE001 - one bad session must not end the listening
                log.error(  # noqa: TRY400 - a traceback may quote what people said
                    "a ring was not answered",
                    extra={"session": session_id, "error": type(exc).__name__},
                )

        self._broker.register_task(work_on_session, task_name=TASK)
        # Acknowledged on receipt: the store knows what is due, and the sweep makes up for a lost ring.
        await run_receiver_task(
            self._broker,
            max_async_tasks=at_once,
            sync_workers=1,
            ack_time=AcknowledgeType.WHEN_RECEIVED,
        )
