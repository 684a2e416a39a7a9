"""Who is there: the demo practice, a second small one, their logins, devices and reset tokens."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from program import BEGIN, CLOCK, FAR, Program, command

from therapy.adapters.local.mail import sent_letters
from therapy.domain.people import PatientSees
from therapy.workflows import enrolment

DEMO = "Demo practice"
OLIVIA, ALEX = "olivia.hayes1@example.health", "alex.lebed2@example.health"
JORDAN, JAMIE = "jordan.white1@example.health", "jamie.davis2@example.health"

GALIL = "מרפאת הגליל"
NOA, OMER = "Noa.Bar@example.org", "omer.gal@example.org"
TAL, DANA = "tal.levi@example.org", "dana.cohen@example.org"

PASSWORDS = {
    **dict.fromkeys((OLIVIA, ALEX, JORDAN, JAMIE), "a practice to try with"),
    NOA: "olive branch 17",
    OMER: "changed by a letter 2",
    TAL: "סיסמה של טל 5",
    DANA: "a quiet garden 81",
}
OMER_BEFORE = "before the letter 1"

ACCOUNTS = (
    ("therapist", NOA, "נועה בר", "", ""),
    ("therapist", OMER, "Omer Gal", "", "1979-01-30"),
    ("patient", TAL, "טל לוי", "200000017", "1990-05-07"),
    ("patient", DANA, "Dana Cohen", "300000015", ""),
)
"""Tal has the number that Jordan has in the demo practice."""

PHONE, TABLET, OTHER_PHONE = "fcm:phone-of-noa", "fcm:tablet-of-noa", "fcm:phone-of-olivia"
MOVED = "fcm:phone-that-was-dana's-and-is-tal's"


def add_accounts() -> None:
    """Run `therapy seed` and `therapy user add`."""
    command("seed", "--password", PASSWORDS[OLIVIA])
    for role, email, name, number, born in ACCOUNTS:
        password = OMER_BEFORE if email == OMER else PASSWORDS[email]
        told = ("--role", role, "--email", email, "--name", name, "--password", password)
        more = ("--number", number) if number else ()
        more += ("--date-of-birth", born) if born else ()
        command("user", "add", *told, *more, "--practice", GALIL, THERAPY_LANGUAGE="he")
        CLOCK.on(minutes=1)


async def set_up_practice(program: Program) -> str:
    """Show patients of the second practice no notes, give one account a picture; returns its id."""
    people = program.desk.people
    found = await enrolment.practices(desk=program.desk)
    practice = next(each for each in found if each.name == GALIL)
    await people.put_practice(
        practice.id, replace(practice, patient_sees=PatientSees.WITHOUT_NOTES)
    )
    dana = await people.by_email(DANA)
    await people.save(practice.id, replace(dana, picture_url="https://example.org/dana.png"))
    return practice.id


async def sign_in_everybody(program: Program) -> None:
    """Return each account a login that ends in the far future."""
    for email, password in PASSWORDS.items():
        await far_login(program, email, OMER_BEFORE if email == OMER else password)
    await change_password(program)


async def far_login(program: Program, email: str, password: str) -> str:
    """Sign in until `FAR`; returns the refresh token."""
    with program.limits(refresh_lifetime=FAR - CLOCK.moment):
        return str((await program.log_in(email, password))["refreshToken"])


async def change_password(program: Program) -> None:
    """Have Omer forget his password and set a new one, which ends his login."""
    program.signed_in["before"] = program.signed_in[OMER]
    await forget(program, OMER)
    program.signed_in["letter"] = {"token": last_reset(program, OMER)}
    told = {"tokenSec": last_reset(program, OMER), "newPassword": PASSWORDS[OMER]}
    await program.ask("POST", "/auth/change-password", json=told, expected=200)
    await far_login(program, OMER, PASSWORDS[OMER])


async def forget(program: Program, email: str) -> None:
    await program.ask("POST", "/auth/forgot-password", params={"email": email}, expected=200)


def last_reset(program: Program, email: str) -> str:
    """Return the token in the newest letter to this address."""
    letters = [each for each in sent_letters(program.mailbox) if each.to == email]
    found = max(re.findall(r"[\w-]{43}", letters[-1].body), key=len)
    return str(found)


async def refresh_tokens(program: Program) -> list[dict[str, Any]]:
    """Make logins in every state; returns their tokens, to be tried in this order and each once.

    Every state has a login of its own, so that one that ends takes no other with it.
    """

    async def refreshed(token: str) -> str:
        answer = await program.ask(
            "POST", "/auth/refresh", json={"refreshToken": token}, expected=200
        )
        return str(answer.json()["refreshToken"])

    def noted(why: str, email: str, token: str) -> dict[str, Any]:
        return {"why": why, "email": email, "token": token}

    current = await far_login(program, NOA, PASSWORDS[NOA])
    before = await far_login(program, NOA, PASSWORDS[NOA])
    after = await refreshed(before)
    within = await far_login(program, NOA, PASSWORDS[NOA])
    with CLOCK.at(FAR - timedelta(days=30)):
        following = await refreshed(within)
    with CLOCK.at(BEGIN - timedelta(days=60)):
        expired = str((await program.log_in(TAL, PASSWORDS[TAL]))["refreshToken"])
    ended = await far_login(program, DANA, PASSWORDS[DANA])
    await refreshed(ended)
    CLOCK.on(minutes=1)
    await program.ask("POST", "/auth/refresh", json={"refreshToken": ended}, expected=401)
    await far_login(program, TAL, PASSWORDS[TAL])
    away = program.signed_in.pop("before")["refreshToken"]
    return [
        noted("current, never refreshed", NOA, current),
        noted("the one before the current one, its grace is over: ends the login", NOA, before),
        noted("the current one of the login that has just ended", NOA, after),
        noted("the one before the current one, within its grace until FAR", NOA, within),
        noted("the current one after it", NOA, following),
        noted("of a login that expired in the past", TAL, expired),
        noted("of a login that a replay ended", DANA, ended),
        noted("of a login that a change of the password ended", OMER, away),
        *(
            noted("current", each, program.signed_in[each]["refreshToken"])
            for each in (OLIVIA, ALEX, JORDAN, JAMIE, OMER, TAL)
        ),
    ]


async def reset_tokens(program: Program) -> list[dict[str, Any]]:
    """Make reset tokens in every state."""
    with CLOCK.at(FAR - timedelta(minutes=30)):
        await forget(program, DANA)
        outstanding = last_reset(program, DANA)
    await forget(program, JAMIE)
    used = program.signed_in.pop("letter")["token"]
    return [
        {"why": "outstanding until FAR", "email": DANA, "token": outstanding},
        {"why": "expired", "email": JAMIE, "token": last_reset(program, JAMIE)},
        {"why": "used", "email": OMER, "token": used},
    ]


async def register_devices(program: Program) -> None:
    """Register phones: two of one person by two logins, one that went over to somebody else."""
    for email, token in (
        *((NOA, PHONE), (OLIVIA, OTHER_PHONE)),
        *((DANA, MOVED), (TAL, MOVED)),
    ):
        await register(program, email, token)
        CLOCK.on(minutes=1)
    await far_login(program, NOA, PASSWORDS[NOA])
    await register(program, NOA, TABLET)


async def register(program: Program, email: str, token: str) -> None:
    user = program.signed_in[email]
    told = {"token": token, "platform": "ANDROID"}
    told |= {"user_id": user["userId"], "user_type": user["userType"]}
    await program.ask("POST", "/devices/register", email, json=told, expected=204)
