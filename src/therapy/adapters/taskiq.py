"""The doorbell over Taskiq: a ring is a named task with nothing but the session's ids.

Neither Taskiq's process manager nor its receiver is used, so that there is no module-level broker and only
one SIGTERM handler, and rings are received many at a time (`docs/adr/004-doorbell.md`).
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from taskiq import AsyncBroker, TaskiqFormatter
from taskiq.exceptions import SendTaskError
from taskiq.kicker import AsyncKicker

from therapy.adapters.answered_rings import answer_for_ever
from therapy.domain.errors import Unavailable
from therapy.ports.doorbell import Answer, Doorbell, Ring

TASK = "work_on_session"
log = logging.getLogger(__name__)


class RingBroker(Protocol):
    """A Taskiq broker whose messages are received many at a time."""

    formatter: TaskiqFormatter

    async def received(self) -> Sequence[bytes]:
        """Wait for messages; return some of those that wait, oldest first, none if none came for a while."""


class TaskiqDoorbell(Doorbell):
    """Rings and listens through a Taskiq broker."""

    def __init__(self, broker: RingBroker) -> None:
        self._broker = broker
        self._kicker: AsyncKicker[[str, str], None] = AsyncKicker(
            TASK, cast("AsyncBroker", broker), {}
        )

    async def ring(self, practice_id: str, session_id: str) -> None:
        try:
            await self._kicker.kiq(practice_id, session_id)
        except SendTaskError as exc:
            raise Unavailable(dependency="doorbell") from exc

    async def listen(self, answer: Answer) -> None:
        await answer_for_ever(self._receive, answer)

    async def _receive(self) -> Iterable[Ring]:
        """Return what has been rung for; other messages are passed over.

        What was received is gone: the store knows what is due, and the sweep makes up for a lost ring.
        """
        return filter(None, map(self._ring, await self._broker.received()))

    def _ring(self, message: bytes) -> Ring | None:
        try:
            told = self._broker.formatter.loads(message)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the next one may be a ring
            log.warning("a message is no ring", extra={"error": type(exc).__name__})
            return None
        match told.task_name, told.args:
            case [task, [str(practice_id), str(session_id)]] if task == TASK:
                return practice_id, session_id
        log.warning("a message is no ring", extra={"task": told.task_name[:50]})
        return None
