"""Acceptance checks: signing in, profiles, devices and forgotten passwords."""

import secrets
from collections.abc import Callable

from therapy.entrypoints.cli.acceptance import shapes
from therapy.entrypoints.cli.acceptance.check_runner import (
    CheckContext,
    Skipped,
    Step,
    expect,
    expect_empty,
    refused,
    wanted,
)

BAD_TOKEN = "not.a.token"  # noqa: S105 - not a real one
STEPS: list[Step] = []
LAST: list[Step] = []


def _step(call: str, what: str, steps: list[Step] = STEPS) -> Callable[..., None]:
    return lambda look: steps.append((call, what, look))


@_step("POST /auth/login", "a missing field is 400")
def _(context: CheckContext) -> None:
    refused(context.app.raw("POST", "/auth/login", json={"email": context.email}), 400)


@_step("POST /auth/login", "a wrong password is 401")
def _(context: CheckContext) -> None:
    # Of nobody's account: failed attempts are counted, and a person's must not run out because of us.
    nobody = f"nobody-{secrets.token_hex(8)}@example.invalid"
    wrong = {"email": nobody, "password": secrets.token_urlsafe(12)}
    refused(context.app.raw("POST", "/auth/login", json=wrong), 401)


@_step("POST /auth/login", "signs in, whatever the e-mail's case")
def _(context: CheckContext) -> None:
    right = {"email": context.email.upper(), "password": context.password}
    expect(context.app.raw("POST", "/auth/login", json=right), 200, shapes.SignedIn)
    therapist = context.app.user["userType"] == "THERAPIST"
    wanted(therapist, "a therapist's account", "another one")


@_step("POST /auth/refresh", "as JSON, like the app")
def _(context: CheckContext) -> None:
    body = {"refreshToken": context.app.refresh_token}
    answer = context.app.raw("POST", "/auth/refresh", json=body)
    expect(answer, 200, shapes.Refreshed)
    context.app.take(answer.json())


@_step("POST /auth/refresh", "as a header, like older scripts")
def _(context: CheckContext) -> None:
    answer = context.app.raw("POST", "/auth/refresh", token=context.app.refresh_token)
    expect(answer, 200, shapes.Refreshed)
    context.app.take(answer.json())


@_step("POST /auth/refresh", "an unknown token is 401")
def _(context: CheckContext) -> None:
    refused(context.app.raw("POST", "/auth/refresh", json={"refreshToken": BAD_TOKEN}), 401)


@_step("GET /profiles/me", "the caller's own profile")
def _(context: CheckContext) -> None:
    profile = expect(context.app.call("GET", "/profiles/me"), 200, shapes.Profile)
    wanted(profile.id == context.app.user.get("userId"), "the id of the login", "another one")


@_step("GET /profiles/me", "without a token it is 401")
def _(context: CheckContext) -> None:
    refused(context.app.raw("GET", "/profiles/me"), 401)


@_step("GET /profiles/me", "with a bad token it is 401")
def _(context: CheckContext) -> None:
    refused(context.app.raw("GET", "/profiles/me", token=BAD_TOKEN), 401)


@_step("GET /profiles/search", "an array of patients")
def _(context: CheckContext) -> None:
    answer = context.app.call("GET", "/profiles/search", params={"query": "a"})
    expect(answer, 200, list[shapes.Profile])


@_step("GET /profiles/search", "a blank query finds nothing")
def _(context: CheckContext) -> None:
    answer = context.app.call("GET", "/profiles/search", params={"query": " "})
    wanted(expect(answer, 200, list[shapes.Profile]) == [], "[]", "something")


@_step("GET /profiles/search", "403 for a patient")
def _(context: CheckContext) -> None:
    if context.patient is None:
        raise Skipped("no --patient-email")
    refused(context.patient.call("GET", "/profiles/search", params={"query": "a"}), 403)


@_step("POST /devices/register", "a missing field is 400")
def _(context: CheckContext) -> None:
    refused(context.app.call("POST", "/devices/register", json={"platform": "ANDROID"}), 400)


@_step("POST /devices/register", "someone else's id is 403")
def _(context: CheckContext) -> None:
    other = {"token": _device(), "platform": "IOS", "user_id": "somebody", "user_type": "THERAPIST"}
    refused(context.app.call("POST", "/devices/register", json=other), 403)


@_step("POST /devices/register", "registers a device")
def _(context: CheckContext) -> None:
    mine = {"token": _device(), "platform": "ANDROID"}
    mine |= {"user_id": context.app.user["userId"], "user_type": context.app.user["userType"]}
    expect_empty(context.app.call("POST", "/devices/register", json=mine))
    context.registered = True


@_step("POST /devices/unregister/{userId}", "someone else's id is 403")
def _(context: CheckContext) -> None:
    refused(context.app.call("POST", "/devices/unregister/somebody"), 403)


@_step("POST /devices/unregister/{userId}", "removes the device of this login")
def _(context: CheckContext) -> None:
    if not context.registered:  # it would remove the account's real devices
        raise Skipped("no device was registered")
    expect_empty(context.app.call("POST", f"/devices/unregister/{context.app.user['userId']}"))
    context.registered = False


@_step("POST /auth/forgot-password", "answers an unknown address like any other", LAST)
def _(context: CheckContext) -> None:
    nobody = {"email": f"nobody-{secrets.token_hex(8)}@example.invalid"}
    answer = context.app.raw("POST", "/auth/forgot-password", params=nobody)
    wanted(expect(answer, 200, shapes.Told).success, "success", "no success")


@_step("POST /auth/change-password", "an unknown one-time token is 400", LAST)
def _(context: CheckContext) -> None:
    body = {"tokenSec": secrets.token_urlsafe(32), "newPassword": secrets.token_urlsafe(16)}
    refused(context.app.raw("POST", "/auth/change-password", json=body), 400)
    refused(context.app.call("POST", "/auth/change-password", json=body), 400)


def _device() -> str:
    return f"acceptance-{secrets.token_hex(8)}"
