"""How much one person, and everybody together, may have under way or send; see also `concurrency_limit`."""

from datetime import timedelta

from msgspec import Struct


class PersonLimits(Struct, frozen=True, kw_only=True):
    """The limits of an installation; `…_in_all` are for everybody together.

    `waiting` are sessions that wait to be transcribed, `bytes_a_day` those of one therapist's recordings,
    `unfinished_uploads` those that one therapist can resume. `uploads_in_all`, `searches`, `search_time` and
    `event_streams` are for each process; searches that wait count, too.
    """

    waiting: int = 100
    waiting_in_all: int = 1_000
    uploads: int = 10
    uploads_in_all: int = 50
    unfinished_uploads: int = 20
    bytes_a_day: int = 20 * 1024**3
    searches: int = 4
    searches_in_all: int = 20
    search_time: timedelta = timedelta(milliseconds=500)
    event_streams: int = 20
    event_streams_in_all: int = 1_000


DEFAULT_LIMITS = PersonLimits()
"""Enough for a practice whose people work at the same time."""
