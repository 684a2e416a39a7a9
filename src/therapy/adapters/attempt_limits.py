"""Attempt limits in Redis or Valkey, shared by all replicas; while it is away, each process counts by itself.

What Redis admits, a process counts by itself, too. So it knows something when Redis goes away, and what it
would refuse by itself is refused without asking: most of a flood.

The attempts under a key are a sorted set by time; one script looks and counts, so that of attempts at once
each sees the others. A key is one set, so that a cluster needs no two of its keys in one place. It is
forgotten with its last attempt; nothing in it says anything about a person (`docs/adr/017-guessing.md`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from therapy.domain.attempts import Attempt, Quota
from therapy.domain.errors import Unavailable
from therapy.ports.attempt_limits import AttemptLimits

PREFIX = "therapy-attempts:"
ANSWER_SECONDS = 2.0
"""The longest that counting may take, because a person is waiting to be signed in."""

QUIET_SECONDS = 5.0
"""After a failure, for so long Redis is not asked, so that sign-ins don't wait for one timeout each."""

log = logging.getLogger(__name__)

# The same decision as `domain.attempts.wait`: attempts are members `source|id`, ordered by their moments.
TAKE = """
local now, window, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local shared = ARGV[6] == "1"
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[7])
local made = redis.call("ZRANGE", KEYS[1], 0, -1, "WITHSCORES")
local source, all, own = ARGV[1] .. "|", #made / 2, 0
for i = 1, #made, 2 do
  if shared and string.sub(made[i], 1, #source) == source then own = own + 1 end
end
local waiting, i = 0, 1
while all > 0 and all * (own + 1) >= most do
  waiting = tonumber(made[i + 1]) + window - now
  if shared and string.sub(made[i], 1, #source) == source then own = own - 1 end
  all, i = all - 1, i + 2
end
if waiting > 0 or ARGV[8] == "look" then return tostring(waiting) end
redis.call("ZADD", KEYS[1], ARGV[3], source .. ARGV[2])
redis.call("PEXPIRE", KEYS[1], math.ceil(window / 1000))
return "0"
"""
"""All in microseconds. Moments are passed on as the texts that came: Lua would round them to 14 digits."""


class RedisAttemptLimits(AttemptLimits):
    """Counts in Redis, and in `own` what this process was admitted; while Redis is away, in `own` only."""

    def __init__(
        self,
        redis: Redis,
        own: AttemptLimits,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._redis = redis
        self._answer_seconds, self._quiet_seconds = answer_seconds, quiet_seconds
        self._take: Any = redis.register_script(TAKE)
        self._own = own
        self._quiet_until = 0.0
        self._is_away = False

    async def take(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        waiting = await self._look("take", key, attempt, quota)
        if not waiting and (waiting := await self._own.take(key, attempt, quota)):
            await self._remove(
                key, attempt
            )  # Redis has counted it: it knew less, e.g. after a restart
        return waiting

    async def look(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        return await self._look("look", key, attempt, quota)

    async def _look(self, what: str, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        """Return how long to wait, as this process says, or else Redis; with "take" Redis counts it."""
        waiting = await self._own.look(key, attempt, quota)
        return waiting or await self._asked_script(what, key, attempt, quota)

    async def _asked_script(self, what: str, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        """Return how long to wait, as Redis says; 0 if it can't be reached."""
        now, window = _microseconds(attempt), quota.window // _MICROSECOND
        arguments = [
            *(attempt.source, attempt.id, now, window),
            *(quota.most, int(quota.shared), now - window, what),
        ]
        try:
            answer = await self._asked(lambda: self._take(keys=[PREFIX + key], args=arguments))
        except Unavailable:
            return timedelta(0)
        return timedelta(microseconds=float(answer))

    async def give_back(self, key: str, attempt: Attempt, quota: Quota) -> None:
        await self._own.give_back(key, attempt, quota)
        await self._remove(key, attempt)

    async def _remove(self, key: str, attempt: Attempt) -> None:
        """Count an attempt no more in Redis, if that can be reached."""
        member = f"{attempt.source}|{attempt.id}"
        try:
            await self._asked(lambda: self._redis.zrem(PREFIX + key, member))
        except Unavailable:
            return

    async def _asked(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Return the answer to a request; log once that there is none, and once that there is again.

        Raises:
            Unavailable: there is none, or there was none a moment ago.
        """
        clock = asyncio.get_running_loop().time
        if clock() < self._quiet_until:
            raise Unavailable(dependency="attempt_limits")
        try:
            async with asyncio.timeout(self._answer_seconds):
                answer = await request()
        except (RedisError, OSError) as exc:
            self._quiet_until = clock() + self._quiet_seconds
            self._note(away=True, error=type(exc).__name__)
            raise Unavailable(dependency="attempt_limits") from exc
        if clock() >= self._quiet_until:  # else another request has found otherwise meanwhile
            self._note(away=False)
        return answer

    def _note(self, *, away: bool, error: str = "") -> None:
        if away is self._is_away:
            return
        self._is_away = away
        if away:
            log.warning(
                "redis is out of reach: each process limits attempts by itself",
                extra={"error": error},
            )
        else:
            log.warning("redis is back: attempts are limited over all processes")

    async def check(self) -> None:
        """Raise Unavailable if Redis can't be reached or refuses us."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                await self._redis.ping()
        except (RedisError, OSError) as exc:
            raise Unavailable(dependency="attempt_limits", reason=type(exc).__name__) from exc


_MICROSECOND = timedelta(microseconds=1)


def _microseconds(attempt: Attempt) -> int:
    """Return the moment of an attempt, since the epoch."""
    return int(attempt.at.timestamp() * 1_000_000)
