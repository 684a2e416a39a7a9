"""/auth: signing in, staying signed in, and forgotten passwords."""

from functools import partial
from typing import Annotated, Any

from litestar import Request, Router, post
from litestar.openapi.spec import Example
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from therapy.domain.errors import InvalidInput, NotSignedIn
from therapy.domain.messages import sentence
from therapy.domain.people import Role, email_key
from therapy.entrypoints.http.bearer_token import bearer
from therapy.entrypoints.http.dependencies import (
    AfterResponseJobs,
    ClientNetwork,
    Language,
    RecordsDependency,
    SignInDependency,
)
from therapy.entrypoints.http.json_bodies import decoded
from therapy.entrypoints.http.problem_answers import JSON_BODY, WRITES, problems
from therapy.entrypoints.http.request_bodies import body_operation
from therapy.entrypoints.http.schema_types import NO_NUL, Short, Token, about, day
from therapy.workflows import authentication, new_passwords
from therapy.workflows.reset_letters import ask_for_letter

AccessToken = Annotated[
    str,
    about(
        "The access token, for `Authorization: Bearer`; it lives for minutes.", "an.access.token"
    ),
]
RefreshToken = Annotated[
    str, about("The token for the next pair; good for one use.", "a.refresh.token")
]


class LoginRequest(Struct):
    """The credentials of a person."""

    email: Annotated[Short, about("The e-mail address, in any case.", "robin@example.org")]
    password: Annotated[
        str, about("The password.", "a long invented password"), Meta(max_length=1_024)
    ]


class RefreshRequest(Struct, rename="camel"):
    """The refresh token, where it is not in the Authorization header."""

    refresh_token: Annotated[
        Token, about("The refresh token that came with the last answer.", "a.refresh.token")
    ]


class ChangePasswordRequest(Struct, rename="camel"):
    """A new password, and the token that allows setting it."""

    token_sec: Annotated[Token, about("The one-time token from the mail.", "a.one-time.token")]
    new_password: Annotated[
        str,
        about("At least 8 characters, not a part of the address.", "another invented password"),
        Meta(max_length=1_024, pattern=NO_NUL),
    ]


class LoginAnswer(Struct, rename="camel"):
    """A login's tokens, and who signed in."""

    token: AccessToken
    refresh_token: RefreshToken
    user_id: Annotated[
        str, about("The account's id; a patient's is their number.", "therapist-robin")
    ]
    user_full_name: Annotated[str, about("The full name.", "Robin Sample")]
    user_type: Annotated[Role, about("What the person is in the practice.", "THERAPIST")]
    date_of_birth: Annotated[
        str | None, about("`dd-MM-yyyy`; null where it is not known.", "17-05-1990")
    ]


class RefreshAnswer(Struct, rename="camel"):
    """The next pair of tokens."""

    access_token: AccessToken
    refresh_token: RefreshToken
    expires_in: Annotated[int, about("Seconds that the access token is good for.", 900)]


class Done(Struct):
    """That it was done, in words."""

    success: Annotated[bool, about("Always true.", True)]
    message: Annotated[
        str,
        about(
            "One sentence for a person.",
            "The password was changed; please sign in with the new one.",
        ),
    ]


@post(
    "/login",
    status_code=200,
    opt={"no_token": True},
    operation_id="log_in",
    summary="Sign in",
    response_description="Signed in.",
    responses=problems(
        *(*JSON_BODY, "wrong_credentials", "too_many_attempts", "busy", "unavailable"),
        "storage_full",
        field="email",
    ),
)
async def login(
    data: JSONBody[LoginRequest],
    records: RecordsDependency,
    sign_in: SignInDependency,
    client_network: ClientNetwork,
) -> LoginAnswer:
    """Return the tokens of a new login, for an e-mail address and its password.

    Anyone may call it. Each call makes a login of its own, which ends with its last refresh token, with a
    new password, or when a refresh token is used twice. A wrong password and an unknown address take as
    long and get the same answer. Wrong passwords are limited by account and by address; an address from
    which the account was signed in to before has a limit of its own.
    """
    if not email_key(data.email):
        raise InvalidInput("email", "required")
    if not data.password:
        raise InvalidInput("password", "required")
    signed_in = await authentication.log_in(
        data.email, data.password, address=client_network, records=records, sign_in=sign_in
    )
    person = signed_in.person
    return LoginAnswer(
        token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        user_id=person.public_id,
        user_full_name=person.full_name,
        user_type=person.role,
        date_of_birth=day(person.date_of_birth),
    )


@post(
    "/refresh",
    status_code=200,
    opt={"no_token": True},
    operation_class=body_operation(RefreshRequest, required=False),
    operation_id="refresh_login",
    summary="Stay signed in",
    response_description="The next pair of tokens.",
    responses=problems(
        *(*JSON_BODY, "not_signed_in", "token_expired", "too_many_attempts", "unavailable"),
        *WRITES,
        field="refreshToken",
    ),
)
async def refresh(
    request: Request[Any, Any, Any],
    records: RecordsDependency,
    sign_in: SignInDependency,
    client_network: ClientNetwork,
) -> RefreshAnswer:
    """Return a new access token and the next refresh token, in exchange for the last one.

    The refresh token comes EITHER as `Authorization: Bearer` with an empty body OR as JSON. A token is
    good once: the one used last may be sent again for 30 seconds, after a lost answer, and gets the same
    answer; any older one ends the login. Wrong tokens are limited by account and by address, right ones not.
    """
    token = bearer(request.headers.get("authorization"))
    if body := await request.body():
        token = decoded(body, RefreshRequest).refresh_token
    if not token:
        raise NotSignedIn
    signed_in = await authentication.refresh(
        token, address=client_network, records=records, sign_in=sign_in
    )
    return RefreshAnswer(signed_in.access_token, signed_in.refresh_token, signed_in.expires_in)


@post(
    "/forgot-password",
    status_code=200,
    operation_id="forgot_password",
    summary="Ask for a new password",
    opt={
        "no_token": True,
        "example": {"success": True, "message": sentence("forgot_answer", "en")},
    },
    response_description="A mail is on its way, if there is such an account.",
    responses=problems(
        *("invalid", "required", "too_many_attempts", "unavailable", "storage_full"), field="email"
    ),
)
async def forgot_password(
    *,
    email: Annotated[
        str,
        QueryParameter(
            name="email",
            max_length=300,
            description="The e-mail address of the account.",
            examples=[Example(value="robin@example.org")],
        ),
    ],
    records: RecordsDependency,
    sign_in: SignInDependency,
    language: Language,
    client_network: ClientNetwork,
    after_response: AfterResponseJobs,
) -> Done:
    """Mail a one-time token to an address, if it has an account.

    Anyone may call it. The answer, and the time it takes, do not say whether there is an account. The
    token is good for 30 minutes (a setting), or until the next one is sent. Letters are limited by account
    and by address.
    """
    if not email_key(email):
        raise InvalidInput("email", "required")
    asked = await ask_for_letter(
        email, address=client_network, records=records, attempts=sign_in.attempts
    )
    after_response.begin(partial(records.deliver, asked))  # if too many wait, a sweep delivers it
    return Done(True, sentence("forgot_answer", language))


@post(
    "/change-password",
    status_code=200,
    opt={"no_token": True},
    operation_id="change_password",
    summary="Set a new password",
    response_description="The password was changed.",
    responses=problems(
        *(*JSON_BODY, "reset_token", "weak_password", "common_password", "too_many_attempts"),
        *("busy", "unavailable", *WRITES),
        field="newPassword",
    ),
)
async def change_password(
    data: JSONBody[ChangePasswordRequest],
    records: RecordsDependency,
    sign_in: SignInDependency,
    language: Language,
    client_network: ClientNetwork,
) -> Done:
    """Set a new password with the one-time token from the mail; every login and device of it ends.

    Whoever has the token may call it; an Authorization header is ignored. A password that is too weak
    does not use the token up. The same call sent again, after a lost answer, is answered as before.
    """
    await new_passwords.change_password(
        data.token_sec,
        data.new_password,
        address=client_network,
        records=records,
        sign_in=sign_in,
    )
    return Done(True, sentence("password_changed", language))


router = Router(
    "/auth", route_handlers=[login, refresh, forgot_password, change_password], tags=["auth"]
)
