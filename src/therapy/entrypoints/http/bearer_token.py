"""Authentication of requests: the bearer token, verified before the body is read."""

from litestar.enums import HttpMethod, ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from therapy.domain.access import Actor
from therapy.domain.errors import NotSignedIn
from therapy.entrypoints.http.request_log import request_id
from therapy.wiring import Therapy


def bearer(header: str | None) -> str:
    """Return the token in an Authorization header; "" if there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Authentication(ASGIMiddleware):
    """Verifies the access token and that its login is alive, except on routes marked `no_token`.

    Who is asking is then `scope["user"]`, their token `scope["auth"]`.
    """

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = "no_token"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if scope.get("method") != HttpMethod.OPTIONS:
            await _authenticate(scope)
        await next_app(scope, receive, send)


async def _authenticate(scope: Scope) -> None:
    """Note who is asking.

    Raises:
        NotSignedIn: there is no token, it is not good, or its login has ended.
        Unavailable: the store can't be reached.
    """
    token = bearer(_authorization(scope))
    if not token:
        raise NotSignedIn
    therapy: Therapy = scope["litestar_app"].state.therapy
    here = therapy.installation
    actor = here.sign_in.tokens.read(token, now=here.records.now())
    await here.login_check.require(actor)
    client = scope["client"]
    scope["user"] = Actor(
        actor.person_id,
        actor.role,
        actor.practice_id,
        actor.sid,
        actor.language,
        request_id(scope),
        client[0] if client else "",
    )
    scope["auth"] = token


def _authorization(scope: Scope) -> str | None:
    """Return the header; of several the first."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value.decode("latin-1")
    return None
