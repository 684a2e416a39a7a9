"""The application as the server sees it: every request is answered, and no body is waited for without end."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPReceiveMessage, Receive, Scope, Send
from litestar.types import Message as AnyMessage

from therapy.domain.preferred_language import preferred
from therapy.entrypoints.http.connection_limits import OpenConnections
from therapy.entrypoints.http.errors import SlowBody, place_of
from therapy.entrypoints.http.refusals import BUG, STOPPING, Refusal, asgi_answer

log = logging.getLogger(__name__)


class AnsweredApp:
    """Passes requests on; answers 503 at a stop, and 500 where the application answers nothing.

    uvicorn's own answers are plain text, and its answer to what a stop interrupts is 500.
    """

    def __init__(self, app: Litestar, connections: OpenConnections, language: str) -> None:
        self._app, self._connections, self._language = app, connections, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's start and end."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if self._connections.stopping:
            await self._answer(STOPPING, scope, send)
            return
        started = False

        def noting(message: AnyMessage) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        limits = self._connections.limits
        body = TimedBody(receive, seconds=limits.body_seconds, least=limits.body_bytes)
        try:
            await self._app(scope, body, noting)
        except (Exception, asyncio.CancelledError) as exc:
            if started:
                raise
            await self._answer(_refusal_for(exc), scope, send)
        else:
            if not started:
                await self._answer(BUG, scope, send)

    async def _answer(self, refusal: Refusal, scope: Scope, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        wanted = headers.get(b"accept-language", b"").decode("latin-1")
        state: dict[str, Any] = scope.get("state") or {}
        language = preferred(wanted, self._language)
        for message in asgi_answer(refusal, language, str(state.get("request_id", ""))):
            await send(message)


def _refusal_for(exc: BaseException) -> Refusal:
    """Return what is answered instead of what ended like this: only a stop cancels requests."""
    if isinstance(exc, asyncio.CancelledError):
        return STOPPING
    log.error("an unexpected error", extra={"error": type(exc).__name__, "where": place_of(exc)})
    return BUG


class TimedBody:
    """Receives a request's body, of which at least so many bytes must come while it is waited for so long.

    Only the time spent waiting for the client counts, not what the application does with what came.
    """

    def __init__(self, receive: Receive, *, seconds: float, least: int) -> None:
        self._receive, self._seconds, self._least = receive, seconds, least
        self._waited, self._got = 0.0, 0
        self._ended = False

    async def __call__(self) -> HTTPReceiveMessage:
        """Return the next message; once the body has ended, wait without limit for the disconnect.

        Raises:
            SlowBody: not enough of it came in time.
        """
        if self._ended:
            return await self._receive()  # type: ignore[return-value] # of an HTTP request
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self._seconds - self._waited):
                message = await self._receive()
        except TimeoutError:
            self._waited = self._seconds
            raise SlowBody from None
        self._waited += clock() - began
        if message["type"] != "http.request":
            self._ended = True
            return message  # type: ignore[return-value] # of an HTTP request
        self._got += len(message["body"])
        if self._got >= self._least:
            self._waited, self._got = 0.0, 0
        self._ended = not message.get("more_body")
        return message
