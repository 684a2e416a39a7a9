"""Session events within one process."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from therapy.ports.session_events import OnPublished, SessionEvents

log = logging.getLogger("therapy.session_events")


class MemorySessionEvents(SessionEvents):
    """Calls everybody who listens at once."""

    def __init__(self) -> None:
        self._listeners: list[OnPublished] = []

    async def publish(self, practice_id: str, session_id: str) -> None:
        for on_published in tuple(self._listeners):
            try:
                on_published(practice_id, session_id)
            except Exception as exc:  # noqa: BLE001 - one who listens must not keep the others from it
                log.error("a session event was not handled", extra={"error": type(exc).__name__})  # noqa: TRY400 - a traceback may quote a text

    @asynccontextmanager
    async def listen(self, on_published: OnPublished) -> AsyncIterator[None]:
        self._listeners.append(on_published)
        try:
            yield
        finally:
            self._listeners.remove(on_published)
