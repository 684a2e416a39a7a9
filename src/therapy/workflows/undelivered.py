"""What could not be delivered so far, for operators: how much of each kind waits, since when, and why.

It is read from the outbox, so it is the same whichever process failed, and whether that still runs.
"""

from datetime import datetime

from msgspec import Struct

from therapy.domain.outbox import (
    AccessEnded,
    Consequence,
    EraseDue,
    PersonEntryChanged,
    PushDue,
    ResetLetterDue,
    RunDue,
    SessionEntryChanged,
)
from therapy.ports.store import LAST_MOMENT
from therapy.repositories.outbox import OUTBOX_QUEUES, written_at
from therapy.repositories.records import Records

DEPENDENCIES: dict[type[Consequence], str] = {
    RunDue: "doorbell",
    SessionEntryChanged: "stores",
    PersonEntryChanged: "stores",
    AccessEnded: "stores",
    PushDue: "push",
    ResetLetterDue: "mail",
    EraseDue: "recordings",
}
"""What each kind of consequence is delivered through, as the settings and `therapy check` name it."""

TOLD = ("dependency=", "reason=", "status=", "field=")
"""The details of an error that are the same for many; others say which one it is, e.g. a session's id."""

AT_ONCE = 100
MOST = 1_000
"""Consequences that are looked at; there may be more."""


class Undelivered(Struct, frozen=True):
    """How many consequences wait for a dependency, for the same reason, and since when the oldest does."""

    dependency: str
    why: str
    number: int
    since: datetime


async def undelivered(*, records: Records) -> tuple[Undelivered, ...]:
    """Return what failed to be delivered at least once and waits for another try, oldest first.

    Of more than MOST waiting consequences, those that are due first are counted.

    Raises:
        Unavailable: the store can't be reached.
    """
    found: dict[tuple[str, str], Undelivered] = {}
    after = None
    for _ in range(MOST // AT_ONCE):
        items = await records.store.due(OUTBOX_QUEUES, LAST_MOMENT, AT_ONCE, after)
        for each in items:
            waiting = records.outbox.read_if_readable(each)
            if waiting is None or not waiting.attempts:
                continue
            kind = DEPENDENCIES[type(waiting.what)], _reason_in(waiting.why)
            earlier = found.get(kind)
            since = written_at(each.id)
            if earlier is None:
                found[kind] = Undelivered(*kind, 1, since)
            else:
                since = min(since, earlier.since)
                found[kind] = Undelivered(*kind, earlier.number + 1, since)
        if len(items) < AT_ONCE:
            break
        after = items[-1]
    return tuple(sorted(found.values(), key=lambda one: one.since))


def _reason_in(why: str) -> str:
    """Return the code of a failure and what it has in common with others."""
    return " ".join(each for each in why.split() if "=" not in each or each.startswith(TOLD))
