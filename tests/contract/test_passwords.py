"""What `ports.passwords` promises."""

import asyncio
import time

import pytest

from tests.contract.conftest import Family

PASSWORD = "correct horse סוס"


async def test_the_password_that_was_hashed_is_told_from_others(family: Family) -> None:
    hashed = await family.passwords.hash(PASSWORD)
    assert await family.passwords.verify(PASSWORD, hashed) is True
    for other in ("", "correct horse", PASSWORD + " ", PASSWORD.upper()):
        assert await family.passwords.verify(other, hashed) is False


async def test_two_hashes_of_a_password_differ(family: Family) -> None:
    first, second = await asyncio.gather(*(family.passwords.hash(PASSWORD) for _ in range(2)))
    assert first != second
    assert PASSWORD not in first


@pytest.mark.parametrize("hashed", ["", "nonsense", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"])
async def test_what_is_no_hash_is_never_the_password(family: Family, hashed: str) -> None:
    assert await family.passwords.verify(PASSWORD, hashed) is False
    assert await family.passwords.verify("", hashed) is False


async def test_an_account_that_does_not_exist_takes_as_long_as_one_that_does(
    family: Family,
) -> None:
    hashed = await family.passwords.hash(PASSWORD)

    async def shortest(given: str) -> float:
        took = []
        for _ in range(4):
            began = time.perf_counter()
            await family.passwords.verify("wrong", given)
            took.append(time.perf_counter() - began)
        return min(took)

    assert await shortest("") > await shortest(hashed) / 3


async def test_the_event_loop_goes_on_meanwhile(family: Family) -> None:
    hashing = asyncio.gather(*(family.passwords.hash(PASSWORD) for _ in range(4)))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    await hashing
    assert turns > 10
