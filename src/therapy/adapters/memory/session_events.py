"""Session events within one process."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from therapy.ports.session_events import Heard, SessionEvents

log = logging.getLogger("therapy.session_events")


class MemorySessionEvents(SessionEvents):
    """Calls everybody who listens at once."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []

    async def publish(self, practice_id: str, session_id: str) -> None:
        for heard in tuple(self._listeners):
            try:
                heard(practice_id, session_id)
            except Exception as exc:  # noqa: BLE001 - one who listens must not keep the others from it
                log.error("a session event was not heard", extra={"error": type(exc).__name__})  # noqa: TRY400 - a traceback may quote a text

    @asynccontextmanager
    async def listen(self, heard: Heard) -> AsyncIterator[None]:
        self._listeners.append(heard)
        try:
            yield
        finally:
            self._listeners.remove(heard)
