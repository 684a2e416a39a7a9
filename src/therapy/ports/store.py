"""Store: items in partitions, written together or not at all, found by id or by when they are due.

The one port under all records. What can't be said with it (lists and searches over sessions, the search
over people) is a port of its own, because stores differ there.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from therapy.domain.errors import TooLarge

MOST_WRITES = 100
"""Writes of one commit."""

MOST_ITEMS = 500
"""Items that one `list` or `due` returns."""

MOST_BYTES = 8_000_000
"""Bytes of all bodies of one commit; text of that length deflates to less than 1.4 MB."""

_NAME = re.compile(r"[A-Za-z0-9._~|-]{1,200}", re.ASCII)


class Item(Struct, frozen=True, kw_only=True):
    """One stored item.

    `version` counts the writes of this id: 1 after Create, one more after each Replace. `queue` is ""
    for what never becomes due; `due_at` and `expires_at` are aware and kept to the microsecond.
    """

    partition: str
    id: str
    kind: str
    body: bytes
    version: int
    queue: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Item({self.partition!r}, {self.id!r}, kind={self.kind!r}, version={self.version})"


class Put(Struct, frozen=True, kw_only=True):
    """Write an item, whatever is there; it gets a version that nobody has read of this id."""

    id: str
    kind: str
    body: bytes
    queue: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, kind={self.kind!r})"


class Create(Put, frozen=True, kw_only=True):
    """Refused if there is an item; version 1, also where one was deleted or has expired."""


class Replace(Put, frozen=True, kw_only=True):
    """Refused unless the item has this version."""

    version: int


class Check(Struct, frozen=True, kw_only=True):
    """Change nothing; refused unless the item has this version. E.g. no draft lands in an erased session."""

    id: str
    version: int


class Delete(Struct, frozen=True, kw_only=True):
    """Delete an item; an absent one counts as deleted.

    Refused if it is there with another version than the one given; None stands for any.
    """

    id: str
    version: int | None = None


Write = Put | Create | Replace | Check | Delete


class Refused(Exception):
    """A commit wrote nothing; `place` is that of one refused write among those given (from 0).

    No error of the domain: what a refusal means is known to whoever made the write.
    """

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Store(ABC):
    """Keeps items.

    Partitions and ids are 1 to 200 of `A-Za-z0-9._~|-` and sort by their bytes. An item is as if absent
    from its `expires_at` on, by the clock that the adapter was given. Kinds and queues that nobody here
    knows are kept as they are. Whatever is out of bounds is a ValueError before anything is asked or
    written: a name, two writes of one id, a queue without a moment or a moment without a queue, a naive
    datetime, more than MOST_WRITES or MOST_ITEMS.

    Ids that are used again while somebody may still hold a version of them (a unique key, a slot) are
    freed by Replace, never by Delete: a created item starts at version 1 again.
    """

    @abstractmethod
    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        """Return those of the items that are there, by id, each as last written; no snapshot.

        Raises:
            Unavailable: the store can't be reached.
        """

    @abstractmethod
    async def list(
        self,
        partition: str,
        prefix: str = "",
        *,
        after: str = "",
        backwards: bool = False,
        limit: int = MOST_ITEMS,
        bodies: bool = True,
    ) -> tuple[Item, ...]:
        """Return the partition's items whose id begins with `prefix`, in order of their ids.

        `after` is the id of the last item of the page before ("" = from the first); with `backwards` the
        order is descending. Without `bodies` each body is b"". At most `limit`, 1 to MOST_ITEMS.

        Raises:
            Unavailable: the store can't be reached.
        """

    @abstractmethod
    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        """Do all writes or none: at most MOST_WRITES, at most one of each id; none at all is no error.

        A write whose answer was lost on the way and that the adapter sent again is no refusal.

        Raises:
            Refused: nothing was written; names one of the refused writes.
            TooLarge: the bodies have more than MOST_BYTES together. Nothing was written.
            Unavailable: the store can't be reached; all may have been written, or nothing.
        """

    @abstractmethod
    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        """Return items of these queues, of all partitions, that are due by `now`: longest due first.

        In order of (due_at, partition, id), beyond `after` in that order (None = from the first), at most
        `limit`, 1 to MOST_ITEMS. Found through an index of what is due, never by a look at all items. A
        partition that can't be asked now is left out. First in, first out: fairness is the business of
        whoever makes work due.

        Raises:
            Unavailable: the store can't be reached.
        """

    @abstractmethod
    async def purge(self, limit: int) -> int:
        """Delete up to `limit` expired items for good and return how many; 0 where the server does it."""


@runtime_checkable
class SupportsWalk(Protocol):
    """Optional: stores whose items can be visited one after another, for migrations, exports and checks."""

    def walk(self) -> AsyncIterator[Item]:
        """Yield every item that has not expired, in no order; what is written meanwhile may be missed."""


def check_names(*names: str) -> None:
    """Raise ValueError unless each can name a partition or an item."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError("a partition or an id is 1 to 200 of A-Z a-z 0-9 . _ ~ | -")


def check_range(prefix: str, after: str, limit: int) -> None:
    """Raise ValueError unless `Store.list` can be asked this."""
    check_names(*(name for name in (prefix, after) if name))
    if not 1 <= limit <= MOST_ITEMS:
        raise ValueError(f"a limit is 1 to {MOST_ITEMS}")


def check_writes(writes: Sequence[Write]) -> None:
    """Raise what `Store.commit` raises before it writes: for adapters, so that all refuse the same.

    Raises:
        ValueError: out of the bounds of `Store`.
        TooLarge: more than MOST_BYTES.
    """
    if len(writes) > MOST_WRITES:
        raise ValueError(f"a commit has at most {MOST_WRITES} writes")
    if len({write.id for write in writes}) < len(writes):
        raise ValueError("a commit writes each id at most once")
    total = 0
    for write in writes:
        check_names(write.id)
        if isinstance(write, Put):
            _check_moments(write)
            total += len(write.body)
    if total > MOST_BYTES:
        raise TooLarge(limit=MOST_BYTES)


def _check_moments(write: Put) -> None:
    if bool(write.queue) != (write.due_at is not None):
        raise ValueError(
            "a queue goes with the moment from which an item is due, and the other way round"
        )
    if write.queue:
        check_names(write.queue)
    check_names(write.kind)
    for moment in (write.due_at, write.expires_at):
        if moment is not None and moment.tzinfo is None:
            raise ValueError("moments are aware datetimes")
