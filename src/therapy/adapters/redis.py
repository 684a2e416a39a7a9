"""The doorbell's rings through Redis or Valkey: a Taskiq broker over a list, taken many at a time.

A list is enough because the store knows what is due: a ring that is lost in a flushed or restarted Redis
delays work by at most one sweep interval (`docs/adr/008-redis.md`). Taskiq's own list broker waits forever on
a connection that a firewall has dropped, and spins while Redis is down; this one does neither.

Networks forget connections that are idle for some minutes and drop without a word what comes afterwards. So
every connection, also those of `attempt_limits`, sends TCP keep-alive probes, and one that was idle all the
same has to answer a PING before it is used (`docs/adr/025-delivery.md`).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig
from taskiq import BrokerMessage
from taskiq_redis import ListQueueBroker

from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS, keep_alive_options
from therapy.adapters.retry import RetryPolicy
from therapy.domain.errors import Unavailable

QUEUE = "therapy-rings"
MOST_RINGS = 10_000
"""Rings kept while nobody listens; older ones are dropped, and the sweep finds their sessions."""

MOST_TOGETHER = 1_000
"""The most rings that are taken at once."""

WAIT_SECONDS = 20
"""How long one call waits: less than the minutes after which networks drop an idle connection."""

CHECK_AFTER_SECONDS = 30.0
"""A connection that was idle for so long has to answer before it is used, in at most PING_SECONDS."""

PING_SECONDS = 1.0
CONNECT_SECONDS = 2
MOST_CONNECTIONS = 16
"""Of one client: more requests at once wait for each other, which is quicker than to connect."""

RING_SECONDS = 3.0
"""The longest that one ring may take, because a phone is waiting for its answer."""

QUIET_SECONDS = 5.0
"""After a failed ring, for so long no other is tried, so that requests don't wait for one timeout each."""

UNTIL_IT_IS_BACK = RetryPolicy(
    "redis is out of reach",
    passes=lambda exc: isinstance(exc, RedisError | OSError),
    pauses=(0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0),
    for_ever=True,
)


def _is_due(connection: Any) -> bool:
    """Return whether a connection was idle for so long that it has to answer before it is used."""
    due: float = connection.next_health_check
    return asyncio.get_running_loop().time() > due


class CheckedPool(BlockingConnectionPool):
    """A pool of connections that answer: redis-py's own check of an idle one waits without end."""

    async def ensure_connection(self, connection: Any) -> None:
        """Connect, or check a connection; one that was idle and does not answer is replaced."""
        if connection.is_connected and _is_due(connection):
            try:
                async with asyncio.timeout(PING_SECONDS):
                    await connection.check_health()
            except (RedisError, OSError):  # TimeoutError is one
                await connection.disconnect(nowait=True)
        await super().ensure_connection(connection)


def _options(
    *,
    tls: bool,
    password: str,
    credentials: CredentialProvider | None,
    keep_alive: float,
    check_after: float,
) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": None,  # with one, redis-py uses a wait_for that can lose a cancellation
        "socket_keepalive": True,
        "socket_keepalive_options": keep_alive_options(keep_alive),
        "health_check_interval": check_after,
        "retry": Retry(NoBackoff(), 1),  # once, for a connection that was closed while it was idle
        # They would change the time-outs of connections, and Redis may be replaced at any time anyway.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if credentials is not None:
        options["credential_provider"] = credentials
    elif password:
        options["password"] = password
    if tls:
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    return options


def _url(host: str, port: int, *, tls: bool) -> str:
    return f"{'rediss' if tls else 'redis'}://{host}:{port}/0"


def redis_client(
    host: str,
    port: int,
    *,
    tls: bool,
    password: str = "",
    credentials: CredentialProvider | None = None,
    keep_alive: float = KEEP_ALIVE_SECONDS,
    check_after: float = CHECK_AFTER_SECONDS,
) -> Redis:
    """Return a client, as for `RedisBroker`, that shares a few connections; `aclose` closes them."""
    options = _options(
        tls=tls,
        password=password,
        credentials=credentials,
        keep_alive=keep_alive,
        check_after=check_after,
    )
    url = _url(host, port, tls=tls)
    pool = CheckedPool.from_url(url, max_connections=MOST_CONNECTIONS, timeout=None, **options)
    return Redis.from_pool(pool)


class RedisBroker(ListQueueBroker):
    """Sends and receives rings. `host` is a name, never a URL with a password; TLS verifies it.

    With `credentials`, every new connection gets a user name and a fresh token: Azure closes a connection
    whose token has expired, and the next one is opened at once. `keep_alive` are the seconds without traffic
    before a TCP probe, `check_after` those after which a connection has to answer before it is used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: bool,
        password: str = "",
        credentials: CredentialProvider | None = None,
        keep_alive: float = KEEP_ALIVE_SECONDS,
        check_after: float = CHECK_AFTER_SECONDS,
    ) -> None:
        options = _options(
            tls=tls,
            password=password,
            credentials=credentials,
            keep_alive=keep_alive,
            check_after=check_after,
        )
        url = _url(host, port, tls=tls)
        super().__init__(url, queue_name=QUEUE, **options)
        self.connection_pool = CheckedPool.from_url(url, **options)  # in the place of one without
        self._redis = Redis(connection_pool=self.connection_pool)
        self._quiet_until = 0.0

    async def kick(self, message: BrokerMessage) -> None:
        clock = asyncio.get_running_loop().time
        if clock() < self._quiet_until:
            raise Unreachable
        try:
            async with asyncio.timeout(RING_SECONDS):
                if await self._redis.lpush(self.queue_name, message.message) > MOST_RINGS:
                    await self._redis.ltrim(self.queue_name, 0, MOST_RINGS - 1)
        except (RedisError, OSError):
            self._quiet_until = clock() + QUIET_SECONDS
            raise

    async def listen(self) -> AsyncGenerator[bytes, None]:
        while True:
            for ring in await self.received():
                yield ring

    async def received(self) -> Sequence[bytes]:
        """Return the rings that wait; if none does, wait up to WAIT_SECONDS for one."""
        return await UNTIL_IT_IS_BACK.call(self._received)

    async def _received(self) -> Sequence[bytes]:
        async with asyncio.timeout(WAIT_SECONDS + 10):
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.lrange(self.queue_name, -MOST_TOGETHER, -1)
                pipe.ltrim(self.queue_name, 0, -MOST_TOGETHER - 1)
                newest_first, _ = await pipe.execute()
            if not newest_first:
                found = await self._redis.brpop([self.queue_name], timeout=WAIT_SECONDS)
                newest_first = found[1:] if found else ()
            return tuple(reversed(newest_first))

    async def check(self) -> None:
        """Raise Unavailable if Redis can't be reached or refuses us."""
        try:
            async with asyncio.timeout(RING_SECONDS):
                await self._redis.ping()
        except (RedisError, OSError) as exc:
            raise Unavailable(dependency="doorbell", reason=type(exc).__name__) from exc
