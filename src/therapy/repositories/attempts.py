"""Attempts: those that still count, one record for each key; the attempt limits of whoever has no Redis.

Every write says which version it replaces, so that of attempts at once each sees the others. In one process
they wait for each other; only between processes a race can be lost, and then all is read again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from therapy.domain.attempts import Attempt, Quota, counted, wait
from therapy.domain.errors import Stale, Unavailable
from therapy.domain.partition_keys import key as name
from therapy.ports.attempt_limits import AttemptLimits
from therapy.ports.store import Store
from therapy.repositories.change import Change, Pending
from therapy.repositories.repository import Repository

ATTEMPTS = "attempts"
MOST_RACES = 50
"""Races that are lost before it is given up."""

LOCKS = 64
"""Keys of one process that are counted at the same time."""


class Attempts(Struct, frozen=True, omit_defaults=True):
    """The attempts that were made under a key, until none of them counts."""

    made: tuple[Attempt, ...]
    expires_at: datetime
    version: int = 0


class StoredAttempts(Repository[Attempts], AttemptLimits):
    """Counts attempts in the store."""

    kind = ATTEMPTS
    struct = Attempts

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._locks = tuple(asyncio.Lock() for _ in range(LOCKS))

    def expires_at(self, record: Attempts) -> datetime | None:
        return record.expires_at

    async def load(self, key: str) -> Attempts | None:
        """Return the attempts under a key, also those that no longer count; None if there are none."""
        return await self.get(name(ATTEMPTS, key), ATTEMPTS)

    def write(self, key: str, attempts: Attempts) -> Pending:
        """Write attempts that are new (version 0) or unchanged since they were read; else Stale."""
        return self.save(name(ATTEMPTS, key), ATTEMPTS, attempts, attempts.version)

    async def take(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        waiting = timedelta(0)

        def with_it(made: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
            nonlocal waiting
            before = counted(made, quota.window, attempt.at)
            waiting = wait(before, attempt.source, quota, attempt.at)
            return made if waiting else (*before, attempt)

        await self._change(key, with_it, attempt.at + quota.window)
        return waiting

    async def look(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        stored = await self.load(key)
        made = counted(stored.made if stored else (), quota.window, attempt.at)
        return wait(made, attempt.source, quota, attempt.at)

    async def give_back(self, key: str, attempt: Attempt, quota: Quota) -> None:
        def without_it(made: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
            left = tuple(each for each in made if each.id != attempt.id)
            return left if len(left) < len(made) else made

        await self._change(key, without_it, attempt.at + quota.window)

    async def _change(
        self,
        key: str,
        changed: Callable[[tuple[Attempt, ...]], tuple[Attempt, ...]],
        expires_at: datetime,
    ) -> None:
        """Write what `changed` makes of a key's attempts, if that is something else.

        Raises:
            Unavailable: the store can't be reached, or too many races were lost.
        """
        async with self._locks[hash(key) % LOCKS]:
            for _ in range(MOST_RACES):
                stored = await self.load(key)
                made = stored.made if stored else ()
                after = changed(made)
                if after is made:
                    return
                latest = max(stored.expires_at, expires_at) if stored else expires_at
                record = Attempts(after, latest, stored.version if stored else 0)
                with suppress(Stale):
                    await Change(self.write(key, record)).commit(self._store)
                    return
        raise Unavailable(dependency="attempt_limits")
