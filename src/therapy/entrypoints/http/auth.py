"""/auth: signing in, staying signed in, and forgotten passwords."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
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
from therapy.entrypoints.http.dependencies import (
    AfterResponseJobs,
    Language,
    RecordsDependency,
    SignInDependency,
)
from therapy.entrypoints.http.json_bodies import decoded
from therapy.entrypoints.http.request_bodies import json_body
from therapy.entrypoints.http.schema_types import NO_NUL, Short, Token, day
from therapy.repositories.records import Records
from therapy.workflows import authentication
from therapy.workflows.authentication import SignIn


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
async def login(
    data: JSONBody[LoginRequest], records: RecordsDependency, sign_in: SignInDependency
) -> LoginAnswer:
    """Sign in with an e-mail address, in any case, and a password."""
    if not email_key(data.email):
        raise InvalidInput("email", "required")
    if not data.password:
        raise InvalidInput("password", "required")
    signed_in = await authentication.log_in(
        data.email, data.password, records=records, sign_in=sign_in
    )
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
async def refresh(
    request: Request[Any, Any, Any], records: RecordsDependency, sign_in: SignInDependency
) -> RefreshAnswer:
    """Exchange a refresh token, from the Authorization header or from the body, for a new pair."""
    token = bearer(request.headers.get("authorization"))
    if body := await request.body():
        token = decoded(body, RefreshRequest).refresh_token
    if not token:
        raise NotSignedIn
    signed_in = await authentication.refresh(token, records=records, sign_in=sign_in)
    return RefreshAnswer(signed_in.access_token, signed_in.refresh_token, signed_in.expires_in)


@post("/forgot-password", status_code=200, opt={"no_token": True})
async def forgot_password(
    email: Annotated[str, QueryParameter(name="email", max_length=300)],
    records: RecordsDependency,
    sign_in: SignInDependency,
    language: Language,
    after_response: AfterResponseJobs,
) -> Response[Done]:
    """Mail a one-time token if the address has an account. The answer does not say whether it has."""
    if not email_key(email):
        raise InvalidInput("email", "required")
    answer = Done(True, sentence("forgot_answer", language))
    # The work comes after the answer, so that its time tells nothing either.
    job = partial(_mail, email, records=records, sign_in=sign_in)
    return Response(answer, background=BackgroundTask(_begin, after_response, job))


async def _begin(
    after_response: AfterResponse, job: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    if not after_response.begin(job):
        _not_sent(Unavailable.code, "too many wait to be sent")


async def _mail(email: str, *, records: Records, sign_in: SignIn) -> None:
    try:
        await authentication.forgot_password(email, records=records, sign_in=sign_in)
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
    data: JSONBody[ChangePasswordRequest],
    records: RecordsDependency,
    sign_in: SignInDependency,
    language: Language,
) -> Done:
    """Set a new password with the one-time token from the mail; signs out everywhere."""
    await authentication.change_password(
        data.token_sec, data.new_password, records=records, sign_in=sign_in
    )
    return Done(True, sentence("password_changed", language))


router = Router(
    "/auth", route_handlers=[login, refresh, forgot_password, change_password], tags=["auth"]
)
