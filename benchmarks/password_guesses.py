"""10,000 guesses at one account from 50 addresses, and from one at 1,000 accounts: how many are tried.

Real servers behind a trusted proxy's header, over one data directory: one, or with `--redis` two that count
in a real Valkey. Meanwhile the true owner signs in, each time from an address that has never been seen, and
from a known one. A guess was tried if its answer is 401. Exits with 1 if more than 100 of an account, or of
one address, were tried in the hour, or the owner had to wait once.

    .venv/bin/python benchmarks/password_guesses.py                               the embedded family
    .venv/bin/python benchmarks/password_guesses.py --redis                       two processes and Redis
    .venv/bin/python benchmarks/password_guesses.py --unlimited --guesses 1000    what it was before
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.emulators.processes import free_port  # noqa: E402 - the path comes first
from tests.emulators.valkey import Valkey  # noqa: E402 - the path comes first
from therapy.config import read_settings  # noqa: E402 - the path comes first
from therapy.domain.people import Role  # noqa: E402 - the path comes first
from therapy.wiring import open_therapy  # noqa: E402 - the path comes first
from therapy.workflows.accounts import add_account, practice_to_join  # noqa: E402 - the path comes first

OWNER, PASSWORD = "olivia.hayes1@example.health", "a password to try with 9"
KNOWN = "198.51.100.7"
ADDRESSES, ACCOUNTS = 50, 1_000
AT_ONCE = 40
MOST = 100
"""Passwords that may be tried in an hour: of one account, and from one address."""

EVERY_SECONDS = 1.0
"""How often the owner signs in from either address."""

UNLIMITED = dict.fromkeys(
    ("THERAPY_SIGN_IN_TRIES", "THERAPY_SIGN_IN_TRIES_KNOWN", "THERAPY_SIGN_IN_TRIES_ADDRESS"),
    "100000",
) | {"THERAPY_SIGN_INS_WAITING": "10000"}


async def add_owner(environment: dict[str, str]) -> None:
    """Add the account that is guessed at."""
    async with open_therapy(read_settings(environment)) as therapy:
        here = therapy.installation
        practice = await practice_to_join("", "en", records=here.records)
        await add_account(
            practice,
            Role.THERAPIST,
            email=OWNER,
            full_name="Olivia Hayes",
            password=PASSWORD,
            records=here.records,
            passwords=here.sign_in.passwords,
        )


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[str]:
    """Run a server until the body is over; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "therapy.entrypoints.cli", "serve", "--no-worker"]
    quiet = environment | {"PORT": str(port), "THERAPY_LOG_LEVEL": "warning"}
    server = subprocess.Popen(command, env=os.environ | quiet, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{address}/health/live", timeout=1)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


class Campaign:
    """Guesses at the servers in turn; counts what came of it, by who asked."""

    def __init__(self, servers: list[str]) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE + 10)
        self.clients = [
            httpx.AsyncClient(base_url=each, limits=limits, timeout=120) for each in servers
        ]
        self.asked = 0
        self.owners = Counter[tuple[str, int]]()

    async def sign_in(self, address: str, email: str, password: str) -> int:
        self.asked += 1
        client = self.clients[self.asked % len(self.clients)]
        answer = await client.post(
            "/auth/login",
            json={"email": email, "password": password},
            headers={"X-Forwarded-For": address},
        )
        return answer.status_code

    async def guess(self, guesses: int, *, addresses: int, accounts: int) -> Counter[int]:
        """Guess so often, a few at once, at each account from each address in turn."""
        answers, numbers = Counter[int](), iter(range(guesses))

        async def one_after_another() -> None:
            for number in numbers:
                email = OWNER if accounts == 1 else f"person{number % accounts}@example.health"
                address = f"192.0.2.{number % addresses + 1}"
                answers[await self.sign_in(address, email, f"guess {number}")] += 1

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
        return answers

    async def owner_signs_in(self) -> None:
        """Sign in again and again from a new and from a known address, until cancelled."""
        for number in range(60_000):
            new = f"203.0.{number // 250}.{number % 250 + 1}"
            for kind, address in (("new", new), ("known", KNOWN)):
                self.owners[kind, await self.sign_in(address, OWNER, PASSWORD)] += 1
            await asyncio.sleep(EVERY_SECONDS)

    async def run(self, guesses: int, *, addresses: int, accounts: int) -> bool:
        """Guess while the owner signs in; print a row, return whether the bounds held."""
        self.owners.clear()
        owner, began = asyncio.create_task(self.owner_signs_in()), time.monotonic()
        answers = await self.guess(guesses, addresses=addresses, accounts=accounts)
        owner.cancel()
        await asyncio.wait([owner])
        right = {kind: self.owners[kind, 200] for kind in ("new", "known")}
        waited = sum(self.owners.values()) - sum(right.values())
        print(
            f"{guesses:>7} {addresses:>9} {accounts:>8} {answers[401]:>6} {answers[429]:>7}"
            f" {guesses - answers[401] - answers[429]:>6} {right['new']:>10} {right['known']:>10}"
            f" {waited:>7} {time.monotonic() - began:>7.1f}"
        )
        return answers[401] <= MOST and not waited


async def campaigns(servers: list[str], guesses: int) -> bool:
    """Run both campaigns and print the table."""
    campaign = Campaign(servers)
    if await campaign.sign_in(KNOWN, OWNER, PASSWORD) != 200:
        raise SystemExit("the owner can't sign in")
    print("guesses addresses accounts  tried refused others owner new owner known waited seconds")
    held = [
        await campaign.run(guesses, addresses=ADDRESSES, accounts=1),
        await campaign.run(guesses, addresses=1, accounts=ACCOUNTS),
    ]
    for each in campaign.clients:
        await each.aclose()
    return all(held)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guesses", type=int, default=10_000)
    parser.add_argument("--redis", action="store_true", help="two processes that count in Redis")
    parser.add_argument("--unlimited", action="store_true", help="with limits that are never met")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {"THERAPY_DATA_DIR": directory, "THERAPY_TRUSTED_PROXIES": "127.0.0.1"}
        environment |= UNLIMITED if options.unlimited else {}
        if options.redis:
            valkey = stack.enter_context(Valkey())
            environment |= {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(valkey.port)}
        asyncio.run(add_owner(environment))
        servers = [stack.enter_context(serving(environment)) for _ in range(1 + options.redis)]
        held = asyncio.run(campaigns(servers, options.guesses))
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
