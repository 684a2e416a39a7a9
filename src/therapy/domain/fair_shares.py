"""Fair shares: how much may be under way, and whose recording is transcribed next.

Runs are done in order of their `due_at`, their place in the waiting list. A therapist's recordings stand
behind each other by the work that each is expected to be, so that those of others come in between. Only the
order counts: a worker that has nothing else to do takes the first one, however late its place is.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from therapy.domain.session import Recording

BYTES_A_SECOND = {"audio/wav": 88_200, "audio/aiff": 88_200, "audio/flac": 44_100}
"""Of sound that is not compressed, or hardly: as the app records it."""
COMPRESSED = 8_000
"""Bytes a second of any other recording."""
LEAST_WORK, MOST_WORK = timedelta(minutes=1), timedelta(hours=4)
HALFWAY = timedelta(hours=1)
"""If the first is overdue by this, a newcomer stands half of LEAST_WORK behind it, and never a whole one."""


class FairShares(Struct, frozen=True, kw_only=True):
    """The limits of an installation; `…_in_all` are for everybody together.

    `waiting` are sessions that wait to be transcribed, `bytes_a_day` those of one therapist's recordings.
    `uploads_in_all`, `searches` and `search_time` are for each process; searches that wait count, too.
    """

    waiting: int = 100
    waiting_in_all: int = 1_000
    uploads: int = 10
    uploads_in_all: int = 50
    bytes_a_day: int = 20 * 1024**3
    searches: int = 4
    searches_in_all: int = 20
    search_time: timedelta = timedelta(milliseconds=500)


DEFAULT_SHARES = FairShares()
"""Enough for a practice whose people work at the same time."""


def expected_work(recordings: Iterable[Recording]) -> timedelta:
    """Return how much work these recordings are likely to be: about as long as they last."""
    seconds = sum(
        each.size / BYTES_A_SECOND.get(each.media_type, COMPRESSED) for each in recordings
    )
    return min(max(timedelta(seconds=min(seconds, 1e6)), LEAST_WORK), MOST_WORK)


def fair_place(
    now: datetime, *, first: datetime | None, own: datetime | None, work: timedelta
) -> datetime:
    """Return the place of a run that becomes due now.

    `first` is the place of the first run in the list that is overdue, None if there is none: behind it stands
    whoever has nothing waiting, before the next run of that run's therapist, so that a list that is late
    delays newcomers by no more than that run. They stand there in the order in which they come, so that
    whoever waits is not passed for ever. `own` is the place of the therapist's own last waiting run:
    theirs stands behind that by its `work`.
    """
    newcomer = now
    if first is not None:
        late = now - first
        newcomer = first + LEAST_WORK * (late / (late + HALFWAY))
    return newcomer if own is None else max(newcomer, own + work)
