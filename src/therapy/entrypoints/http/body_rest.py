"""The rest of a body that nobody wants: it is read, since who is still sending might never see our answer."""

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Request

from therapy.entrypoints.http.errors import SlowBody

LINGER_SECONDS = 5.0
QUIET_SECONDS = 0.5


class BodyRest:
    """Keeps track of whether more of a request's body is to come."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        self._receive = request.receive
        self._more = True
        request.receive = self._watch  # `stream` reads through it

    async def _watch(self) -> Any:
        message = await self._receive()
        self._more = bool(message["type"] == "http.request" and message.get("more_body"))
        return message

    async def drop(self) -> None:
        """Read and drop the rest for a while: a client that is still sending might never see our answer.

        Whoever pauses is told at once, and so is whoever has sent everything.
        """
        with suppress(TimeoutError, SlowBody):
            async with asyncio.timeout(LINGER_SECONDS):
                while self._more:
                    async with asyncio.timeout(QUIET_SECONDS):
                        await self._watch()
