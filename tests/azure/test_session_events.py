"""Session events over a real Valkey: several processes, and what is promised while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("redis")

from redis.asyncio import Redis

from tests.azure.redis_rings import until
from tests.builders import PRACTICE, SESSION
from tests.emulators.valkey import Valkey
from therapy.adapters.redis import redis_client
from therapy.adapters.session_events import CHANNEL, RedisSessionEvents
from therapy.testing.session_events import Publications

pytestmark = pytest.mark.emulator


@asynccontextmanager
async def some_events(port: int, quiet_seconds: float = 0.0) -> AsyncIterator[RedisSessionEvents]:
    """The session events of one process."""
    async with redis_client("127.0.0.1", port, tls=False) as redis:
        yield RedisSessionEvents(redis, quiet_seconds=quiet_seconds)


async def subscribers(valkey: Valkey) -> int:
    async with Redis.from_url(valkey.url) as redis:
        ((_, count),) = await redis.pubsub_numsub(CHANNEL)
        return int(count)


async def test_what_one_process_publishes_every_other_hears(empty: Valkey) -> None:
    one, other = Publications(), Publications()
    async with (
        some_events(empty.port) as first,
        some_events(empty.port) as second,
        some_events(empty.port) as publishing,
        first.listen(one),
        second.listen(other),
    ):
        await publishing.publish(PRACTICE, SESSION)
        assert await one.until(1) == await other.until(1) == [(PRACTICE, SESSION)]


async def test_who_listens_no_more_keeps_no_subscription(empty: Valkey) -> None:
    async with some_events(empty.port) as events:
        async with events.listen(Publications()):
            assert await subscribers(empty) == 1
        assert await subscribers(empty) == 0


async def test_a_redis_that_was_killed_and_comes_back_is_listened_to_again(empty: Valkey) -> None:
    published = Publications()
    async with some_events(empty.port) as events, events.listen(published):
        await events.publish(PRACTICE, "before")
        await published.until(1)
        await asyncio.to_thread(empty.restart_empty)
        async with asyncio.timeout(60):
            while not await subscribers(empty):  # noqa: ASYNC110 - Valkey tells nobody
                await asyncio.sleep(0.02)
        await events.publish(PRACTICE, "after")
        await until(lambda: (PRACTICE, "after") in published.all)


async def test_while_redis_is_away_nobody_waits_for_it_and_nothing_is_raised(
    empty: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with some_events(empty.port, quiet_seconds=60.0) as events:
        await asyncio.to_thread(empty.kill)
        async with asyncio.timeout(10):
            async with events.listen(Publications()):
                for _ in range(100):
                    await events.publish(PRACTICE, SESSION)
    await asyncio.to_thread(empty.start)
    lost = [each for each in caplog.records if each.message == "a session event was not published"]
    assert len(lost) == 1  # then it is not tried for a while
