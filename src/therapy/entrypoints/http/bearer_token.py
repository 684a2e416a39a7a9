"""Authentication of requests: the bearer token, verified before the body is read."""

from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from msgspec.structs import replace

from therapy.domain.errors import NotSignedIn
from therapy.entrypoints.http.request_log import request_id
from therapy.wiring import Therapy


def bearer(header: str | None) -> str:
    """Return the token in an Authorization header; "" if there is none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Authentication(AbstractAuthenticationMiddleware):
    """Verifies the access token and that its login is alive, except on routes marked `no_token`."""

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:  # type: ignore[type-arg]  # as the framework declares it
        token = bearer(connection.headers.get("authorization"))
        if not token:
            raise NotSignedIn
        therapy: Therapy = connection.app.state.therapy
        here = therapy.installation
        actor = here.sign_in.tokens.read(token, now=here.records.now())
        await here.login_check.require(actor)
        client = connection.client
        actor = replace(
            actor,
            request_id=request_id(connection.scope),
            address=client.host if client else "",
        )
        return AuthenticationResult(user=actor, auth=token)
