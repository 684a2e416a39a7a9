"""Fair shares: how much one person, and everybody together, may have under way."""

from datetime import timedelta

from msgspec import Struct


class FairShares(Struct, frozen=True, kw_only=True):
    """The limits of an installation; `…_in_all` are for everybody together.

    `searches` and `search_time` are for each process, those that wait included.
    """

    searches: int = 4
    searches_in_all: int = 20
    search_time: timedelta = timedelta(milliseconds=500)


DEFAULT_SHARES = FairShares()
"""Enough for a practice whose people work at the same time."""
