"""Attempts: how many may be made, of what can be guessed or repeated, before one has to wait.

An attempt is counted under a key (an account, or an address) and has a source (the address it came from).
It counts for a window of time from the moment it was made, so that there is no moment at which all may
begin anew. A quota that is `shared` can't be used up by few sources: the nth attempt of one source is
admitted only while all sources together have made fewer than `most` / n. With 80, one source gets 9, fifty
get one each, and one that has not tried yet is admitted while fewer than 80 others do.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

AN_HOUR = timedelta(hours=1)


class Quota(Struct, frozen=True):
    """At most `most` attempts in any `window`; if `shared`, a source gets the fewer the more it has made."""

    most: int
    window: timedelta = AN_HOUR
    shared: bool = False


class Attempt(Struct, frozen=True):
    """One attempt: its own id, where it came from, and when it was made."""

    id: str
    source: str
    at: datetime


class Quotas(Struct, frozen=True):
    """What the installation admits in an hour.

    `sign_in` are failed sign-ins to one account, from addresses where it has not been signed in to before;
    `sign_in_known` those from one address where it has; `sign_in_address` those of one address to all
    accounts. `letter` and `letter_address` are letters with a token that are asked for. `token` are
    refresh and reset tokens that are not right, of one account and of one address.
    """

    sign_in: Quota = Quota(80, shared=True)
    sign_in_known: Quota = Quota(5)
    sign_in_address: Quota = Quota(100)
    letter: Quota = Quota(40, shared=True)
    letter_address: Quota = Quota(60)
    token: Quota = Quota(100)


def counted(attempts: Iterable[Attempt], window: timedelta, now: datetime) -> tuple[Attempt, ...]:
    """Return the attempts that still count, oldest first."""
    still = (each for each in attempts if each.at > now - window)
    return tuple(sorted(still, key=lambda each: each.at))


def wait(attempts: tuple[Attempt, ...], source: str, quota: Quota, now: datetime) -> timedelta:
    """Return how long this source has to wait for its next attempt; 0 if it is admitted now.

    `attempts` are those that still count, oldest first.
    """
    waiting = timedelta(0)
    while attempts and not _is_admitted(attempts, source, quota):
        waiting = attempts[0].at + quota.window - now
        attempts = attempts[1:]
    return waiting


def _is_admitted(attempts: tuple[Attempt, ...], source: str, quota: Quota) -> bool:
    own = sum(each.source == source for each in attempts) if quota.shared else 0
    return len(attempts) * (own + 1) < quota.most
