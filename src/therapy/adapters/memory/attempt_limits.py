"""Attempt limits in memory: for one process, and while nothing that several share can be reached."""

from datetime import timedelta

from therapy.domain.attempts import Attempt, Quota, counted, wait
from therapy.ports.attempt_limits import AttemptLimits

MOST_KEYS = 100_000
"""Keys that are remembered; beyond, those that were counted first are forgotten."""


class MemoryAttemptLimits(AttemptLimits):
    """Counts in one process."""

    def __init__(self) -> None:
        self._attempts: dict[str, tuple[Attempt, ...]] = {}

    async def take(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        before = counted(self._attempts.pop(key, ()), quota.window, attempt.at)
        waiting = wait(before, attempt.source, quota, attempt.at)
        self._attempts[key] = before if waiting else (*before, attempt)
        while len(self._attempts) > MOST_KEYS:
            del self._attempts[next(iter(self._attempts))]
        return waiting

    async def look(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        made = counted(self._attempts.get(key, ()), quota.window, attempt.at)
        return wait(made, attempt.source, quota, attempt.at)

    async def give_back(self, key: str, attempt: Attempt, quota: Quota) -> None:
        del quota
        left = tuple(each for each in self._attempts.pop(key, ()) if each.id != attempt.id)
        if left:
            self._attempts[key] = left
