"""Who asks: the bearer token, read before anything of the body; and what is logged of a request."""

import logging
import time
import uuid

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import (
    AbstractAuthenticationMiddleware,
    ASGIMiddleware,
    AuthenticationResult,
)
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.errors import NotSignedIn
from therapy.workflows.desk import Desk

log = logging.getLogger(__name__)


def bearer(header: str | None) -> str:
    """Give the token of an Authorization header, "" if there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Authentication(AbstractAuthenticationMiddleware):
    """Reads the access token; routes marked `no_token` do without."""

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:  # type: ignore[type-arg]  # as the framework declares it
        token = bearer(connection.headers.get("authorization"))
        if not token:
            raise NotSignedIn
        desk: Desk = connection.app.state.therapy.desk
        actor = desk.tokens.read(token, now=desk.now())
        client = connection.client
        actor = replace(
            actor,
            request_id=connection.scope["state"].get("request_id", ""),
            address=client.host if client else "",
        )
        return AuthenticationResult(user=actor, auth=token)


class AccessLog(ASGIMiddleware):
    """One line a request: route, status, time. Never a query, a body or a path with a person's number."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request_id, began, status = uuid.uuid4().hex, time.monotonic(), 0
        scope.setdefault("state", {})["request_id"] = request_id

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await next_app(scope, receive, answer)
        finally:
            actor = scope.get("user")
            log.info(
                "request",
                extra={
                    "request_id": request_id,
                    "method": scope.get("method", ""),
                    "route": scope.get("path_template", ""),
                    "status": status,
                    "ms": round((time.monotonic() - began) * 1000, 1),
                    "person": actor.person_id if isinstance(actor, Actor) else "",
                },
            )
