"""What the azure family has in a real Valkey, empty when a test begins: rings, and counted attempts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis

from tests.emulators.valkey import Valkey
from therapy.adapters.attempt_limits import PREFIX, RedisAttemptLimits
from therapy.adapters.redis import QUEUE, RedisBroker, redis_client
from therapy.adapters.session_events import RedisSessionEvents
from therapy.adapters.taskiq import TaskiqDoorbell
from therapy.domain.attempts import Attempt, Quota
from therapy.ports.attempt_limits import AttemptLimits


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


@asynccontextmanager
async def redis_session_events(valkey: Valkey) -> AsyncIterator[RedisSessionEvents]:
    """The session events of one process."""
    async with redis_client("127.0.0.1", valkey.port, tls=False, password=valkey.password) as redis:
        yield RedisSessionEvents(redis)


@asynccontextmanager
async def redis_attempt_limits(valkey: Valkey) -> AsyncIterator[RedisAttemptLimits]:
    """The limits of one process; without Redis everything is admitted."""
    redis = redis_client("127.0.0.1", valkey.port, tls=False, password=valkey.password)
    async with redis:
        if keys := await redis.keys(f"{PREFIX}*"):
            await redis.delete(*keys)
        yield RedisAttemptLimits(redis, EverythingAdmitted(), answer_seconds=60)


class EverythingAdmitted(AttemptLimits):
    """Counts nothing, so that what is refused was refused by Redis."""

    async def take(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        return timedelta(0)

    async def look(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        return timedelta(0)

    async def give_back(self, key: str, attempt: Attempt, quota: Quota) -> None:
        """Do nothing: nothing was counted."""
