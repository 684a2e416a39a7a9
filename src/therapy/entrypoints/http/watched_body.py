"""Request bodies while they are received: whether more is to come, and reading the rest after a refusal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Request
from litestar.types import Receive

from therapy.domain.errors import TherapyError
from therapy.entrypoints.http.errors import SlowBody

LINGER_SECONDS = 5.0
QUIET_SECONDS = 0.5


class WatchedBody:
    """Receives a body for whoever reads it, and keeps track of whether more of it is to come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.more = True

    async def __call__(self) -> Any:
        """Return the next message."""
        message = await self._receive()
        self.more = bool(message["type"] == "http.request" and message.get("more_body"))
        return message

    async def drop(self) -> None:
        """Read and drop the rest for a while: a client that is still sending might never see our answer.

        Whoever pauses is told at once, and so is whoever has sent everything.
        """
        with suppress(TimeoutError, SlowBody):
            async with asyncio.timeout(LINGER_SECONDS):
                while self.more:
                    async with asyncio.timeout(QUIET_SECONDS):
                        await self()


@asynccontextmanager
async def body_of(request: Request[Any, Any, Any]) -> AsyncIterator[None]:
    """Let `request.stream` be read inside; drop what is still to come of the body if that is refused."""
    received = request.receive
    body = received if isinstance(received, WatchedBody) else WatchedBody(received)
    request.receive = body
    try:
        yield
    except TherapyError:
        await body.drop()
        raise


class ReplayedBody:
    """A body that was received before, for who reads it now."""

    def __init__(self, body: bytes) -> None:
        self._body, self._is_read = body, False

    async def __call__(self) -> Any:
        """Return the body, then that nothing more comes."""
        if self._is_read:
            return {"type": "http.disconnect"}
        self._is_read = True
        return {"type": "http.request", "body": self._body, "more_body": False}
