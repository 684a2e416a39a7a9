"""The request log: an id for every request, headers on its answer, and one line in the log.

All answers pass through here, including those to unknown paths and to people who are not signed in.
"""

import logging
import secrets
import time
from typing import Any

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from therapy.domain.access import Actor
from therapy.entrypoints.logs import bound_ids

log = logging.getLogger(__name__)

CACHE_CONTROL = b"cache-control"
NO_STORE = (CACHE_CONTROL, b"no-store")
NO_SNIFF = (b"x-content-type-options", b"nosniff")


class RequestTimer(ASGIMiddleware):
    """Notes when a request came, and binds its id to everything that is logged because of it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        _state(scope)["began"] = time.monotonic()
        with bound_ids(request_id=request_id(scope)):
            await next_app(scope, receive, send)


def request_id(scope: Scope) -> str:
    """Return the id of a request, always the same one."""
    state = _state(scope)
    known: str | None = state.get("request_id")
    if known is None:
        known = state["request_id"] = secrets.token_hex(16)
    return known


def began_at(scope: Scope) -> float:
    """Return when a request came, by the monotonic clock; now, if that was not noted."""
    began: float | None = _state(scope).get("began")
    return time.monotonic() if began is None else began


async def finish_response(message: Message, scope: Scope) -> None:
    """Add the headers to an answer and log its route, status and time; never a query, a body or a path."""
    if message["type"] != "http.response.start":
        return
    given = list(message["headers"])
    names = {name.lower() for name, _ in given}
    given += [(b"x-request-id", request_id(scope).encode()), NO_SNIFF]
    message["headers"] = given if CACHE_CONTROL in names else [*given, NO_STORE]
    if log.isEnabledFor(logging.INFO):
        log.handle(_record(message["status"], scope))


def _record(status: int, scope: Scope) -> logging.LogRecord:
    """Return the record of an answer; made here, since the logger would look for its caller in the stack."""
    record = logging.LogRecord(log.name, logging.INFO, "", 0, "request", None, None)
    actor = scope.get("user")
    record.__dict__.update(
        request_id=request_id(scope),
        method=scope.get("method", ""),
        route=scope.get("path_template", ""),
        status=status,
        ms=round((time.monotonic() - began_at(scope)) * 1000, 1),
        person=actor.person_id if isinstance(actor, Actor) else "",
    )
    return record


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    return state
