"""The azure family's doorbell: Taskiq over a real Valkey, whose list is empty when a test begins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from tests.emulators.valkey import Valkey
from therapy.adapters.redis import QUEUE, RedisBroker
from therapy.adapters.taskiq import TaskiqDoorbell


@asynccontextmanager
async def redis_doorbell(valkey: Valkey) -> AsyncIterator[TaskiqDoorbell]:
    """A doorbell of one process."""
    async with Redis.from_url(valkey.url) as redis:
        await redis.delete(QUEUE)
    broker = RedisBroker("127.0.0.1", valkey.port, tls=False, password=valkey.password)
    try:
        yield TaskiqDoorbell(broker)
    finally:
        await broker.shutdown()
