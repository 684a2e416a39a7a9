"""What is alive after a password change that other requests race with: it must be nothing.

A running embedded server (`--processes 2`: `therapy all` with two API processes, one store) and an account
for each round. In a round the password is changed with a mailed token while, at random moments around it, two
sign-ins with the old password, three refreshes and three registrations of devices are under way. 5 seconds
after the last round every token that was answered is tried, and every account is asked for its devices.
Exits with 1 if anything is alive. 125 rounds are 1,000 races.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    data_directory,
    running_server,
    seed,
)

OLD, NEW = "the-first-passphrase 7", "the-second-passphrase 8"
SIGN_INS, REFRESHES, REGISTRATIONS = 2, 3, 3
WITHIN_SECONDS = 5.0
AROUND_SECONDS = 0.25
"""Requests begin up to so long before or after the change; checking a password takes as long."""

ROUNDS_AT_ONCE = 3
MANY = (
    *("THERAPY_SIGN_IN_TRIES", "THERAPY_SIGN_IN_TRIES_KNOWN", "THERAPY_SIGN_IN_TRIES_ADDRESS"),
    *("THERAPY_RESET_LETTERS", "THERAPY_RESET_LETTERS_ADDRESS", "THERAPY_WRONG_TOKENS"),
)
LIMITS = dict.fromkeys(MANY, "100000") | {"THERAPY_SIGN_INS_WAITING": "1000"}


@dataclass
class Outcome:
    """What came of all races: how many of each kind began, and which tokens were answered."""

    begun: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    overlapping: Counter[str] = field(default_factory=Counter)
    tokens: list[tuple[str, str, str]] = field(default_factory=list)
    """(kind, "refresh" or "access", token)"""
    accounts: list[str] = field(default_factory=list)


@dataclass
class Round:
    """One account whose password is changed."""

    http: httpx.AsyncClient
    email: str
    reset: str
    outcome: Outcome
    changed: tuple[float, float] = (0.0, 0.0)
    raced: list[tuple[str, float, float]] = field(default_factory=list)

    async def run(self) -> None:
        logins = [(await self.sign_in(OLD)).json() for _ in range(2)]
        for login in logins:
            self.keep("before", login)
        changing = asyncio.create_task(self.change())
        races: list[Awaitable[None]] = [changing]
        races += [self.race("sign-in", self.sign_in(OLD)) for _ in range(SIGN_INS)]
        for _ in range(REFRESHES):
            races.append(self.race("refresh", self.refresh(logins[0]["refreshToken"])))
        for number in range(REGISTRATIONS):
            races.append(self.race("registration", self.register(logins[1], f"{number}")))
        await asyncio.gather(*races)
        first, last = self.changed
        for kind, began, ended in self.raced:
            self.outcome.overlapping[kind] += began < last and ended > first
        self.outcome.accounts.append(self.email)

    async def change(self) -> None:
        await asyncio.sleep(AROUND_SECONDS)
        began = time.monotonic()
        body = {"tokenSec": self.reset, "newPassword": NEW}
        answer = await self.http.post("/auth/change-password", json=body)
        if answer.status_code != 200:
            raise SystemExit(f"the change was answered {answer.status_code}: {answer.text}")
        self.changed = began, time.monotonic()

    async def race(self, kind: str, request: Awaitable[httpx.Response]) -> None:
        await asyncio.sleep(random.uniform(0, 2 * AROUND_SECONDS))  # noqa: S311 - no secret
        began = time.monotonic()
        answer = await request
        ended = time.monotonic()
        self.outcome.begun[kind] += 1
        self.outcome.answers[kind, answer.status_code] += 1
        self.raced.append((kind, began, ended))
        if answer.status_code == 200:
            self.keep(kind, answer.json())

    def keep(self, kind: str, told: dict[str, Any]) -> None:
        self.outcome.tokens.append((kind, "refresh", told["refreshToken"]))
        self.outcome.tokens.append((kind, "access", told.get("token") or told["accessToken"]))

    async def sign_in(self, password: str) -> httpx.Response:
        return await self.http.post("/auth/login", json={"email": self.email, "password": password})

    async def refresh(self, token: str) -> httpx.Response:
        return await self.http.post("/auth/refresh", json={"refreshToken": token})

    async def register(self, login: dict[str, Any], name: str) -> httpx.Response:
        device = {"token": f"{self.email}-{name}", "platform": "ANDROID"}
        whose = {"user_id": login["userId"], "user_type": "THERAPIST"}
        headers = {"Authorization": f"Bearer {login['token']}"}
        return await self.http.post("/devices/register", json=device | whose, headers=headers)


async def run(url: str, accounts: dict[str, str]) -> Counter[str]:
    """Do every round, wait, and return how much of what is alive."""
    outcome, gate = Outcome(), asyncio.Semaphore(ROUNDS_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:

        async def one(email: str, reset: str) -> None:
            async with gate:
                await Round(http, email, reset, outcome).run()

        await asyncio.gather(*(one(*account) for account in accounts.items()))
        await asyncio.sleep(WITHIN_SECONDS)
        alive = await what_is_alive(http, outcome)
    report(outcome, alive)
    return alive


async def what_is_alive(http: httpx.AsyncClient, outcome: Outcome) -> Counter[str]:
    alive: Counter[str] = Counter()
    access = [(kind, token) for kind, form, token in outcome.tokens if form == "access"]
    for kind, token in access:  # before any refresh, which may end a login
        headers = {"Authorization": f"Bearer {token}"}
        if (await http.get("/profiles/me", headers=headers)).status_code != 401:
            alive[f"access token, {kind}"] += 1
    for kind, form, token in outcome.tokens:
        if form == "refresh":
            answer = await http.post("/auth/refresh", json={"refreshToken": token})
            alive[f"refresh token, {kind}"] += answer.status_code != 401
    for email in outcome.accounts:
        body = {"email": email, "password": NEW}
        me = (await http.post("/auth/login", json=body)).json()
        headers = {"Authorization": f"Bearer {me['token']}"}
        answer = await http.post(f"/devices/unregister/{me['userId']}", headers=headers)
        alive["account with a device"] += answer.status_code != 404
    return +alive


def report(outcome: Outcome, alive: Counter[str]) -> None:
    print(f"{'kind':14} {'races':>6} {'overlapping':>12}  answers")
    for kind, begun in outcome.begun.items():
        statuses = {status: n for (each, status), n in outcome.answers.items() if each == kind}
        print(f"{kind:14} {begun:6} {outcome.overlapping[kind]:12}  {statuses}")
    tried = Counter(f"{form} tokens" for _, form, _ in outcome.tokens)
    print(f"tried 5 s later: {dict(tried)}, devices of {len(outcome.accounts)} accounts")
    print(f"alive: {dict(alive) or 'nothing'}")


# --- the server --------------------------------------------------------------------------------------


def email_of(number: int) -> str:
    return f"therapist{number}@example.health"


def practice_of(rounds: int, folder: Path) -> Path:
    """A practice's file with an account for each round."""
    people = [
        {"role": "THERAPIST", "email": email_of(number), "full_name": f"Thea {number}"}
        for number in range(rounds)
    ]
    practice = folder / "practice.json"
    practice.write_text(json.dumps({"practice": "Races", "language": "en", "people": people}))
    return practice


async def mailed(url: str, data: Path, rounds: int) -> dict[str, str]:
    """A reset token of each account, from its letter."""
    from therapy.config import read_settings
    from therapy.domain.login_tokens import parse_reset_token
    from therapy.wiring import mailbox

    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        for number in range(rounds):
            (await http.post("/auth/forgot-password", params={"email": email_of(number)}))
    settings = read_settings({"THERAPY_DATA_DIR": str(data)})
    found: dict[str, str] = {}
    end = time.monotonic() + 60
    while len(found) < rounds and time.monotonic() < end:
        await asyncio.sleep(0.5)
        for letter in mailbox(settings).letters:
            tokens = [word for word in letter.body.split() if parse_reset_token(word)]
            found[letter.to] = tokens[0]
    if len(found) < rounds:
        raise SystemExit(f"only {len(found)} of {rounds} letters were sent")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=125, help="eight races each")
    parser.add_argument("--processes", type=int, default=1, help="API processes over one store")
    options = parser.parse_args()
    arguments, command, environment = ["--no-worker"], "serve", LIMITS
    if options.processes > 1:
        arguments, command = [], "all"
        several = {"GUNICORN_WORKERS": str(options.processes), "PORT": str(free_port())}
        environment = LIMITS | several
    with data_directory() as data:
        seed(data, environment, practice=practice_of(options.rounds, data.parent), password=OLD)
        with running_server(data, *arguments, environment=environment, command=command) as server:
            resets = asyncio.run(mailed(server.url, data, options.rounds))
            alive = asyncio.run(run(server.url, resets))
    return 1 if alive else 0


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
