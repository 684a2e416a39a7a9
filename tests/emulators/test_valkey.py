"""The Valkey, through redis-py: what a broker asks of it, and being killed and found empty."""

from __future__ import annotations

import pytest

pytest.importorskip("redis")

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as Unreachable

from tests.emulators.valkey import Valkey

ONCE = Retry(NoBackoff(), 0)
pytestmark = pytest.mark.emulator


async def test_streams_groups_and_scripts_work(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url, decode_responses=True) as redis:
        await redis.flushdb()
        await redis.xgroup_create("bell", "workers", mkstream=True)
        await redis.xadd("bell", {"session": "s1"})
        ((_, ((first, fields),)),) = await redis.xreadgroup("workers", "a", {"bell": ">"})
        assert fields == {"session": "s1"}
        claimed = await redis.xautoclaim("bell", "workers", "b", 0)
        assert claimed[1] == [(first, fields)]
        assert await redis.eval("return redis.call('incr', KEYS[1])", 1, "n") == 1


async def test_killed_and_started_again_it_is_empty_on_the_same_port(valkey: Valkey) -> None:
    port = valkey.port
    async with Redis.from_url(valkey.url, retry=ONCE) as redis:
        await redis.set("a", "b")
        valkey.kill()
        assert not valkey.alive
        with pytest.raises(Unreachable):
            await redis.get("a")
        valkey.start()
        assert await redis.get("a") is None
        await redis.set("a", "b")
        valkey.restart_empty()
    async with Redis.from_url(valkey.url) as redis:
        assert await redis.get("a") is None
    assert valkey.port == port


async def test_a_password_is_asked_for() -> None:
    async with Valkey(password="open sesame") as locked:
        async with Redis(port=locked.port, password="open sesame") as redis:
            assert await redis.ping()
        async with Redis(port=locked.port, retry=ONCE) as redis:
            with pytest.raises(AuthenticationError):
                await redis.ping()
