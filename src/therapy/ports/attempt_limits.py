"""Attempt limits: counts attempts, over all replicas, and says when one has to wait."""

from abc import ABC, abstractmethod
from datetime import timedelta

from therapy.domain.attempts import Attempt, Quota


class AttemptLimits(ABC):
    """Counts attempts under keys, 1 to 100 characters of `A-Za-z0-9._-` that say nothing of a person.

    An attempt counts from the moment it is taken, so that however many are made at once, no more are
    admitted than one after another.
    """

    @abstractmethod
    async def take(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        """Count an attempt if the quota admits it; return 0 if it did, else how long to wait for the next.

        What is refused is not counted. Whether it is admitted is what `domain.attempts.wait` says of the
        attempts under this key. A key has always the same quota.

        Raises:
            Unavailable: what counts can't be reached.
        """

    @abstractmethod
    async def look(self, key: str, attempt: Attempt, quota: Quota) -> timedelta:
        """Return what `take` would return now, and count nothing.

        Raises:
            Unavailable: what counts can't be reached.
        """

    @abstractmethod
    async def give_back(self, key: str, attempt: Attempt, quota: Quota) -> None:
        """No longer count an attempt: it was none. Idempotent, also if it was never counted.

        Raises:
            Unavailable: what counts can't be reached.
        """
