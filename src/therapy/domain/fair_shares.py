"""Fair shares: whose recording is transcribed next.

Runs are done in order of their `due_at`, their place in the waiting list. A therapist's recordings stand
behind each other by the work that each is expected to be, so that those of others come in between. Only the
order counts: a worker that has nothing else to do takes the first one, however late its place is.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from therapy.domain.session import Recording

BYTES_A_SECOND = {"audio/wav": 88_200, "audio/aiff": 88_200, "audio/flac": 44_100}
"""Of sound that is not compressed, or hardly: as the app records it."""
COMPRESSED = 8_000
"""Bytes a second of any other recording."""
LEAST_WORK, MOST_WORK = timedelta(minutes=1), timedelta(hours=4)
HALFWAY = timedelta(hours=1)
"""If the first is overdue by this, a newcomer stands half of LEAST_WORK behind it, and never a whole one."""


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
