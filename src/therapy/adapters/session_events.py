"""Session events through Redis or Valkey: a channel from which every followed process receives everything.

Pub/sub keeps nothing: what is published while a process can't reach Redis is lost for it, and found by its
next look into the store (`docs/adr/032-session-events.md`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from therapy.adapters.retry import RetryPolicy
from therapy.ports.session_events import OnPublished, SessionEvents

CHANNEL = "therapy-session-events"
WAITED_SECONDS = 0.5
"""The longest that whoever publishes waits, because a phone may be waiting for its answer."""

PUBLISH_SECONDS = 3.0
"""The longest that one publication may take: then it is lost, and Redis counts as away."""

QUIET_SECONDS = 5.0
"""After a failure, for so long nothing is published, so that requests don't wait for one timeout each."""

SUBSCRIBE_SECONDS = 2.0
"""How long the first of those who follow waits for Redis; then the store is looked at, slowly."""

WAIT_SECONDS = 20.0
"""How long one call waits: less than the minutes after which networks drop an idle connection."""

SEPARATOR = "|"

UNTIL_IT_IS_BACK = RetryPolicy(
    "redis is out of reach: session events come late",
    passes=lambda exc: isinstance(exc, RedisError | OSError),
    pauses=(0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0),
    for_ever=True,
)

log = logging.getLogger(__name__)


class RedisSessionEvents(SessionEvents):
    """Publishes to all processes with the same Redis."""

    def __init__(self, redis: Redis, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self._redis = redis
        self._quiet_seconds = quiet_seconds
        self._quiet_until = 0.0
        self._publishing: set[asyncio.Task[None]] = set()

    async def publish(self, practice_id: str, session_id: str) -> None:
        if asyncio.get_running_loop().time() < self._quiet_until:
            return
        task = asyncio.create_task(self._publish(f"{practice_id}{SEPARATOR}{session_id}"))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
        await asyncio.wait([task], timeout=WAITED_SECONDS)

    async def _publish(self, message: str) -> None:
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._redis.publish(CHANNEL, message)
        except (RedisError, OSError) as exc:  # TimeoutError is one
            self._quiet_until = asyncio.get_running_loop().time() + self._quiet_seconds
            log.warning("a session event was not published", extra={"error": type(exc).__name__})

    @asynccontextmanager
    async def listen(self, on_published: OnPublished) -> AsyncIterator[None]:
        subscribed = asyncio.Event()
        listening = asyncio.create_task(self._listen(on_published, subscribed))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(SUBSCRIBE_SECONDS):
                    await subscribed.wait()
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _listen(self, on_published: OnPublished, subscribed: asyncio.Event) -> None:
        """Pass on what is published; connect again, after growing pauses, whenever Redis was away."""

        async def once() -> None:
            async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                await pubsub.subscribe(CHANNEL)
                subscribed.set()
                await _pass_on(pubsub, on_published)

        await UNTIL_IT_IS_BACK.call(once)


async def _pass_on(pubsub: PubSub, on_published: OnPublished) -> None:
    while True:
        message = await pubsub.get_message(timeout=WAIT_SECONDS)
        if message is None or message["type"] != "message":
            continue
        try:
            practice_id, separator, session_id = message["data"].decode().partition(SEPARATOR)
            if separator:
                on_published(practice_id, session_id)
        except Exception as exc:  # noqa: BLE001 - whatever it was, the next one must be handled
            log.error("a session event was not handled", extra={"error": type(exc).__name__})  # noqa: TRY400 - a traceback may quote a text
