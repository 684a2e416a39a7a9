"""Limits of attempts while Redis is away: each process limits by itself, and says so once."""

import pytest

pytest.importorskip("redis")

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from tests.emulators.valkey import Valkey
from therapy.adapters.attempt_limits import RedisAttemptLimits
from therapy.adapters.memory.attempt_limits import MemoryAttemptLimits
from therapy.adapters.redis import redis_client
from therapy.domain.attempts import Attempt, Quota
from therapy.domain.errors import Unavailable
from therapy.testing.samples import NOW

pytestmark = pytest.mark.emulator
KEY = "sign-in.account.0123456789abcdef"
QUOTA = Quota(3)
QUIET = 0.2
WAITING = {"answer_seconds": 60.0, "quiet_seconds": QUIET}


@pytest.fixture
def own_valkey() -> "AsyncIterator[Valkey]":
    with Valkey() as valkey:
        yield valkey


@pytest.fixture
async def limits(own_valkey: Valkey) -> AsyncIterator[RedisAttemptLimits]:
    async with redis_client("127.0.0.1", own_valkey.port, tls=False) as redis:
        yield RedisAttemptLimits(redis, MemoryAttemptLimits(), **WAITING)


async def admitted(limits: RedisAttemptLimits, count: int, of: str = "one") -> int:
    waits = [
        await limits.take(KEY, Attempt(f"{of}-{number}", "here", NOW), QUOTA)
        for number in range(count)
    ]
    return sum(not each for each in waits)


async def test_while_redis_is_away_each_process_limits_by_itself(
    limits: RedisAttemptLimits, own_valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    assert await admitted(limits, 2) == 2
    await asyncio.to_thread(own_valkey.kill)
    assert await admitted(limits, 10) == 1, "what Redis admitted counts, too"
    with pytest.raises(Unavailable, match="attempt_limits"):
        await limits.check()
    await asyncio.to_thread(own_valkey.start)
    await asyncio.sleep(QUIET)
    assert await admitted(limits, 10) == 0
    assert not await limits.look("another", Attempt("one", "here", NOW), QUOTA)
    await limits.check()
    assert [each.getMessage().split(":")[0] for each in caplog.records] == [
        "redis is out of reach",
        "redis is back",
    ]


async def test_processes_count_together_while_redis_is_there(own_valkey: Valkey) -> None:
    async with (
        redis_client("127.0.0.1", own_valkey.port, tls=False) as one,
        redis_client("127.0.0.1", own_valkey.port, tls=False) as other,
    ):
        first = RedisAttemptLimits(one, MemoryAttemptLimits(), **WAITING)
        second = RedisAttemptLimits(other, MemoryAttemptLimits(), **WAITING)
        assert await admitted(first, 2) == 2
        assert await admitted(second, 10, of="the other") == 1
        await asyncio.to_thread(own_valkey.kill)
        assert (await admitted(first, 10), await admitted(second, 10)) == (1, 2)


async def test_what_redis_is_given_says_nothing_of_a_person_and_is_forgotten(
    limits: RedisAttemptLimits, own_valkey: Valkey
) -> None:
    await admitted(limits, 5)
    async with redis_client("127.0.0.1", own_valkey.port, tls=False) as redis:
        (key,) = await redis.keys("*")
        assert key == f"therapy-attempts:{KEY}".encode()
        assert 0 < await redis.ttl(key) <= 3_600
        assert await redis.zcard(key) == 3


async def test_what_a_process_refuses_by_itself_is_not_counted_in_redis(
    limits: RedisAttemptLimits, own_valkey: Valkey
) -> None:
    """Redis knew less, as it was restarted: of those at once it admits more than the process does."""
    assert await admitted(limits, 2) == 2
    await asyncio.to_thread(own_valkey.restart_empty)
    await asyncio.sleep(QUIET)
    at_once = [limits.take(KEY, Attempt(f"new-{each}", "here", NOW), QUOTA) for each in range(10)]
    assert (await asyncio.gather(*at_once)).count(timedelta(0)) == 1
    async with redis_client("127.0.0.1", own_valkey.port, tls=False) as redis:
        assert await redis.zcard(f"therapy-attempts:{KEY}") == 1
