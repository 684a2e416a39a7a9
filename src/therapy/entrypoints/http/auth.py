"""/auth: signing in, staying signed in, and forgotten passwords."""

import asyncio
import logging
from functools import partial
from typing import Annotated, Any

from litestar import Request, Response, Router, post
from litestar.background_tasks import BackgroundTask
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from therapy.domain.errors import InvalidInput, NotSignedIn, TherapyError, Unavailable
from therapy.domain.messages import sentence
from therapy.domain.people import email_key
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.bearer_token import bearer
from therapy.entrypoints.http.dependencies import AfterResponseJobs, AtDesk, Language
from therapy.entrypoints.http.request_bodies import decoded, json_body
from therapy.entrypoints.http.schema_types import NO_NUL, Short, Token, day
from therapy.workflows import identity
from therapy.workflows.desk import Desk


class LoginRequest(Struct):
    email: Short
    password: Annotated[str, Meta(max_length=1_024)]


class RefreshRequest(Struct, rename="camel"):
    refresh_token: Token


class ChangePasswordRequest(Struct, rename="camel"):
    token_sec: Token
    new_password: Annotated[str, Meta(max_length=1_024, pattern=NO_NUL)]


class LoginAnswer(Struct, rename="camel"):
    token: str
    refresh_token: str
    user_id: str
    user_full_name: str
    user_type: str
    date_of_birth: str | None


class RefreshAnswer(Struct, rename="camel"):
    access_token: str
    refresh_token: str
    expires_in: int


class Done(Struct):
    success: bool
    message: str


log = logging.getLogger(__name__)


@post("/login", status_code=200, opt={"no_token": True})
async def login(data: JSONBody[LoginRequest], desk: AtDesk) -> LoginAnswer:
    """Sign in with an e-mail address, in any case, and a password."""
    if not email_key(data.email):
        raise InvalidInput("email", "required")
    if not data.password:
        raise InvalidInput("password", "required")
    signed_in = await identity.log_in(data.email, data.password, desk=desk)
    person = signed_in.person
    return LoginAnswer(
        token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        user_id=person.public_id,
        user_full_name=person.full_name,
        user_type=person.role.value,
        date_of_birth=day(person.date_of_birth),
    )


@post(
    "/refresh",
    status_code=200,
    opt={"no_token": True},
    operation_class=json_body(RefreshRequest, required=False),
)
async def refresh(request: Request[Any, Any, Any], desk: AtDesk) -> RefreshAnswer:
    """Exchange a refresh token, from the Authorization header or from the body, for a new pair."""
    token = bearer(request.headers.get("authorization"))
    if body := await request.body():
        token = decoded(body, RefreshRequest).refresh_token
    if not token:
        raise NotSignedIn
    signed_in = await identity.refresh(token, desk=desk)
    return RefreshAnswer(signed_in.access_token, signed_in.refresh_token, signed_in.expires_in)


@post("/forgot-password", status_code=200, opt={"no_token": True})
async def forgot_password(
    email: Annotated[str, QueryParameter(name="email", max_length=300)],
    desk: AtDesk,
    language: Language,
    after_response: AfterResponseJobs,
) -> Response[Done]:
    """Mail a one-time token if the address has an account. The answer does not say whether it has."""
    if not email_key(email):
        raise InvalidInput("email", "required")
    answer = Done(True, sentence("forgot_answer", language))
    # The work comes after the answer, so that its time tells nothing either.
    return Response(answer, background=BackgroundTask(_begin, after_response, email, desk=desk))


async def _begin(after_response: AfterResponse, email: str, *, desk: Desk) -> None:
    if not after_response.begin(partial(_mail, email, desk=desk)):
        _not_sent(Unavailable.code, "too many wait to be sent")


async def _mail(email: str, *, desk: Desk) -> None:
    try:
        await identity.forgot_password(email, desk=desk)
    except TherapyError as exc:
        _not_sent(exc.code, str(exc))
    except asyncio.CancelledError:
        _not_sent(Unavailable.code, "stopped")
        raise


def _not_sent(code: str, why: str) -> None:
    """Say it in the log: the answer is out. Without a traceback, which may quote the address."""
    log.error("a mail was not sent", extra={"error": code, "why": why})


@post("/change-password", status_code=200, opt={"no_token": True})
async def change_password(
    data: JSONBody[ChangePasswordRequest], desk: AtDesk, language: Language
) -> Done:
    """Set a new password with the one-time token from the mail; signs out everywhere."""
    await identity.change_password(data.token_sec, data.new_password, desk=desk)
    return Done(True, sentence("password_changed", language))


router = Router(
    "/auth", route_handlers=[login, refresh, forgot_password, change_password], tags=["auth"]
)
