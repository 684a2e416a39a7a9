"""What a store holds, as a dict: the model that random steps on a real store are compared with.

A commit that was done leaves the model as the store must be; several that were sent at once must have
been done in some order, one after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from therapy.ports.store import Check, Create, Delete, Item, Put, Replace, Write

UNREAD = -1
"""The version of what was put: any that nobody has read."""

UNKNOWN = -1
"""The answer to a commit of which the store does not know whether it was done."""

Items = dict[str, Item]


@dataclass(frozen=True)
class Sent:
    """A commit to one partition, and which of its writes was refused; None = it was done, or UNKNOWN."""

    writes: Sequence[Write]
    refused: int | None


def live(items: Items, now: datetime) -> Items:
    """Return those that have not expired, in the order of their ids."""
    return {
        item_id: item
        for item_id, item in sorted(items.items())
        if item.expires_at is None or item.expires_at > now
    }


def refused_places(items: Items, writes: Sequence[Write], now: datetime) -> set[int]:
    """Return the places of all writes that must be refused."""
    there = live(items, now)
    return {place for place, write in enumerate(writes) if _is_refused(there, write)}


def _is_refused(there: Items, write: Write) -> bool:
    item = there.get(write.id)
    if isinstance(write, Create):
        return item is not None
    if isinstance(write, Replace | Check):
        return item is None or item.version != write.version
    if isinstance(write, Delete):
        return item is not None and write.version not in {None, item.version}
    return False


def after(items: Items, partition: str, writes: Sequence[Write]) -> Items:
    """Return what is there once these writes have been done."""
    changed = dict(items)
    for write in writes:
        if isinstance(write, Delete):
            changed.pop(write.id, None)
        elif isinstance(write, Put):
            changed[write.id] = _item(partition, write)
    return changed


def _item(partition: str, write: Put) -> Item:
    version = UNREAD
    if isinstance(write, Create):
        version = 1
    elif isinstance(write, Replace):
        version = write.version + 1
    return Item(
        partition=partition,
        id=write.id,
        kind=write.kind,
        body=write.body,
        version=version,
        queue=write.queue,
        due_at=write.due_at,
        expires_at=write.expires_at,
    )


def outcomes(items: Items, partition: str, sent: Sequence[Sent], now: datetime) -> Iterator[Items]:
    """Yield what may be there after these commits: once for each order that explains every answer."""
    if not sent:
        yield items
    for at, first in enumerate(sent):
        rest = [*sent[:at], *sent[at + 1 :]]
        refused = refused_places(items, first.writes, now)
        if first.refused in {None, UNKNOWN} and not refused:
            yield from outcomes(after(items, partition, first.writes), partition, rest, now)
        if first.refused in {*refused, UNKNOWN}:
            yield from outcomes(items, partition, rest, now)


def same(model: Items, found: Items) -> bool:
    """Return whether a store holds what the model does, whatever the versions of what was put."""
    return model.keys() == found.keys() and all(
        item == (replace(found[each], version=UNREAD) if item.version == UNREAD else found[each])
        for each, item in model.items()
    )
