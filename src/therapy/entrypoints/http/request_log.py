"""The request log: an id for every request, headers on its answer, and one line in the log.

All answers pass through here, including those to unknown paths and to people who are not signed in.
"""

import logging
import time
import uuid
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from therapy.domain.access import Actor
from therapy.entrypoints.logs import bound_ids

log = logging.getLogger(__name__)


class RequestTimer(ASGIMiddleware):
    """Notes when a request came, and binds its id to everything that is logged because of it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        _state(scope)["began"] = time.monotonic()
        with bound_ids(request_id=request_id(scope)):
            await next_app(scope, receive, send)


def request_id(scope: Scope) -> str:
    """Return the id of a request, always the same one."""
    return str(_state(scope).setdefault("request_id", uuid.uuid4().hex))


def began_at(scope: Scope) -> float:
    """Return when a request came, by the monotonic clock; now, if that was not noted."""
    began: float = _state(scope).get("began", time.monotonic())
    return began


async def finish_response(message: Message, scope: Scope) -> None:
    """Add the headers to an answer and log its route, status and time; never a query, a body or a path."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    headers["X-Request-ID"] = request_id(scope)
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    actor = scope.get("user")
    log.info(
        "request",
        extra={
            "request_id": request_id(scope),
            "method": scope.get("method", ""),
            "route": scope.get("path_template", ""),
            "status": message["status"],
            "ms": round((time.monotonic() - began_at(scope)) * 1000, 1),
            "person": actor.person_id if isinstance(actor, Actor) else "",
        },
    )


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    return state
