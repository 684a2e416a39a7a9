"""Argon2id: what `ports.passwords` says of time, which no quick fake can show."""

import asyncio
import time

from therapy.adapters.passwords import Argon2Passwords

PASSWORD = "correct horse סוס"


async def test_an_account_that_does_not_exist_takes_as_long_as_one_that_does() -> None:
    passwords = Argon2Passwords()
    hashed = await passwords.hash(PASSWORD)

    async def shortest(given: str) -> float:
        took = []
        for _ in range(4):
            began = time.perf_counter()
            await passwords.verify("wrong", given)
            took.append(time.perf_counter() - began)
        return min(took)

    assert await shortest("") > await shortest(hashed) / 3


async def test_the_event_loop_goes_on_meanwhile() -> None:
    passwords = Argon2Passwords()
    hashing = asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    await hashing
    assert turns > 10
