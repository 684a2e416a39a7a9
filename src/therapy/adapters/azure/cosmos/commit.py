"""Plans a commit: which steps of a batch its writes become, given what is known of the items; pure.

What is known comes from this process's memory or from reading the store. Only what was read may lead to a
refusal: callers of `planned` take a version from memory only if it is the one that the write expects.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from therapy.adapters.azure.cosmos.batch_steps import Kind, Step
from therapy.adapters.azure.cosmos.document import (
    GONE,
    Fields,
    Seen,
    fields_of,
    holds_version,
    seen_in,
)
from therapy.adapters.azure.cosmos.keys import stamp
from therapy.ports.store import Check, Create, Delete, Put, Refused, Replace, Write

Known = Mapping[str, Seen | None]
"""By id; None for an item that was not found. Items that are missing here were not looked up."""


class Planned(NamedTuple):
    """A step, and the item once it is done (None after a deletion), except its ETag.

    A step with `changes` False deletes what is already absent; it only ensures that this is still so.
    """

    step: Step
    seen: Seen | None
    changes: bool = True


class Announcement(NamedTuple):
    """Something in these queues may be due from `at` (a stamp) on."""

    queues: frozenset[str]
    at: str

    def covers(self, other: "Announcement") -> bool:
        """Return whether the other announcement is implied by this one."""
        return other.queues <= self.queues and self.at <= other.at


def version_expected(write: Write) -> int | None:
    """Return the version that a write requires; None for one that needs no look-up beforehand."""
    return write.version if isinstance(write, Replace | Check | Delete) else None


def planned(
    writes: Sequence[Write], known: Known, bodies: Mapping[str, Fields], now: datetime
) -> list[Planned]:
    """Return the steps of these writes; none if they change nothing.

    Raises:
        Refused: what is known contradicts a write.
    """
    steps = [_planned(place, write, known, bodies, now) for place, write in enumerate(writes)]
    return steps if any(each.changes for each in steps) else []


def _planned(
    place: int, write: Write, known: Known, bodies: Mapping[str, Fields], now: datetime
) -> Planned:
    stored = known.get(write.id)
    living = stored if stored is not None and stored.lives(now) else None
    match write:
        case Delete():
            if living is None and write.id in known:
                return _absent(write.id, stored)
            if write.version is None:
                return Planned(Step("delete", write.id), None)
            etag = _expected(place, living, write.version).etag
            return Planned(Step("delete", write.id, etag=etag), None)
        case Check():
            expected = _expected(place, living, write.version)
            condition = holds_version(write.version, now)
            return Planned(Step("check", write.id, condition=condition), expected)
        case Replace():
            expected = _expected(place, living, write.version)
            fields = fields_of(write, expected.version + 1, bodies[write.id], now)
            return _writing("replace", write.id, fields, expected.etag)
        case Create():
            if living is not None:
                raise Refused(place)
            fields = fields_of(write, 1, bodies[write.id], now)
            if stored is not None:  # it has expired
                return _writing("replace", write.id, fields, stored.etag)
            return _writing("create", write.id, fields)
        case Put():
            return _writing("upsert", write.id, fields_of(write, _unread(), bodies[write.id], now))


def _expected(place: int, living: Seen | None, version: int) -> Seen:
    if living is None or living.version != version:
        raise Refused(place)
    return living


def _absent(item_id: str, expired: Seen | None) -> Planned:
    """Return the step that fails if an item exists after all, written by someone since the look-up.

    Without it, such an item would survive a later commit that deletes it.
    """
    step = Step("delete", item_id, etag=expired.etag) if expired else Step("create", item_id, GONE)
    return Planned(step, None, changes=False)


def _writing(kind: Kind, item_id: str, fields: Fields, etag: str = "") -> Planned:
    return Planned(Step(kind, item_id, fields, etag), seen_in({**fields, "_etag": ""}))


def _unread() -> int:
    """Return a version that nobody has seen (almost certainly), and that is an exact number in JSON."""
    return 2**51 + secrets.randbits(51)


def untouched(plan: Sequence[Planned], before: Known, now: Known) -> bool:
    """Return whether an item has not been written since: then none of these steps was done."""
    ids = [each.step.item_id for each in plan]
    pairs = [(before.get(item_id), now.get(item_id)) for item_id in ids]
    return any(old is not None and new is not None and old.etag == new.etag for old, new in pairs)


def newly_due(writes: Sequence[Write], known: Known, now: datetime) -> Announcement | None:
    """Return what has to be announced before these writes; None if nothing becomes due earlier than before.

    What is replaced was announced when it was written, and its ETag proves that it still exists. Of what is
    created or put nothing is known.
    """
    fresh = [
        (write.queue, stamp(write.due_at))
        for write in writes
        if isinstance(write, Put) and write.due_at is not None and not _announced(write, known, now)
    ]
    if not fresh:
        return None
    return Announcement(frozenset(queue for queue, _ in fresh), min(at for _, at in fresh))


def _announced(write: Put, known: Known, now: datetime) -> bool:
    stored = known.get(write.id)
    return (
        isinstance(write, Replace)
        and write.due_at is not None
        and stored is not None
        and stored.lives(now)
        and stored.queue == write.queue
        and stored.due <= stamp(write.due_at)
    )
