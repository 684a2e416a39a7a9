"""Store: items in partitions, written together or not at all, found by id or by when they are due.

The one port under all records. What it can't express (lists and searches over sessions, the search over
people) is a port of its own, because stores differ in how they do it.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from msgspec import Struct

from therapy.domain.errors import TooLarge

MOST_WRITES = 100
"""The most writes in one commit."""

MOST_ITEMS = 500
"""The most items that one `list` or `due` returns."""

MOST_PARTITIONS = 100
"""The most partitions that one `list_many` looks into."""

MOST_BYTES = 8_000_000
"""Bytes of all bodies of one commit.

Plain text of that length deflates to less than Cosmos takes (2 MB). Transcripts with the times of their words
deflate about 3.2 times, so that there some 5 MB, eleven hours of speech, are the bound: beyond it, TooLarge.
"""

LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
"""No item is due later: `due` by this moment is everything that waits."""

_NAME = re.compile(r"[A-Za-z0-9._~|-]{1,200}", re.ASCII)


class Item(Struct, frozen=True, kw_only=True):
    """One stored item.

    `version` is 1 after Create, one more after each Replace, and a new one after Put. `queue` is "" for
    what never becomes due; `due_at` and `expires_at` are aware and kept to the microsecond.
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
    """Write an item, whatever is stored; it gets a version that this id has never had."""

    id: str
    kind: str
    body: bytes
    queue: str = ""
    due_at: datetime | None = None
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, kind={self.kind!r})"


class Create(Put, frozen=True, kw_only=True):
    """Write a new item, with version 1, even if one was deleted or has expired; refused if it exists."""


class Replace(Put, frozen=True, kw_only=True):
    """Write an item in the place of one with this version; refused if it has another or is absent."""

    version: int


class Check(Struct, frozen=True, kw_only=True):
    """Change nothing, but refuse the commit unless the item has this version."""

    id: str
    version: int


class Delete(Struct, frozen=True, kw_only=True):
    """Delete an item; nothing happens if it is absent.

    Refused if it has another version than `version`; None allows any.
    """

    id: str
    version: int | None = None


Write = Put | Create | Replace | Check | Delete


class Refused(Exception):
    """A commit wrote nothing; `place` is the index (from 0) of one of the writes that were refused.

    Not a domain error: only whoever made the write knows what the refusal means.
    """

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Store(ABC):
    """Stores items.

    Partitions and ids are 1 to 200 characters of `A-Za-z0-9._~|-` and sort by their bytes. From its
    `expires_at` on an item counts as absent, by the clock that the adapter was given. Kinds and queues
    that this program does not know are kept as they are. Anything out of bounds raises ValueError before
    anything is read or written: a name, two writes of one id, a queue without `due_at` or the other way
    round, a naive datetime, more than MOST_WRITES or MOST_ITEMS.

    An id that is reused while someone may still remember a version of it (e.g. a unique key) must be
    freed by Replace, never by Delete: a created item starts at version 1 again.
    """

    @abstractmethod
    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        """Return the items that exist, by id, each as last written; together they are no snapshot.

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

        `after` is the id of the last item on the previous page ("" = from the first); with `backwards` the
        order is descending. Without `bodies` each body is b"". At most `limit`, 1 to MOST_ITEMS.

        Raises:
            Unavailable: the store can't be reached.
        """

    @abstractmethod
    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        """Do all writes or none: at most MOST_WRITES, at most one per id; an empty commit does nothing.

        If the adapter sends a commit again because the answer was lost, that is not a refusal.

        Raises:
            Refused: a write's condition failed; names one such write. Nothing was written.
            TooLarge: the bodies together exceed MOST_BYTES. Nothing was written.
            Unavailable: the store can't be reached; everything was written, or nothing.
        """

    @abstractmethod
    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        """Return the items in these queues, of all partitions, that are due by `now`, longest due first.

        In order of (due_at, partition, id), beyond `after` in that order (None = from the first), at most
        `limit`, 1 to MOST_ITEMS. They are found through an index of what is due, never by scanning all
        items. A partition that can't be reached now is left out. Fairness between practices is up to
        whoever sets `due_at`.

        Raises:
            Unavailable: the store can't be reached.
        """

    @abstractmethod
    async def purge(self, limit: int) -> int:
        """Delete up to `limit` expired items for good; return how many (0 if the server does it itself)."""


@runtime_checkable
class SupportsWalk(Protocol):
    """Optional: stores that can iterate over all their items, for migrations, exports and checks."""

    def walk(self) -> AsyncIterator[Item]:
        """Yield every unexpired item, in no particular order; what is written meanwhile may be missed."""


@runtime_checkable
class SupportsListMany(Protocol):
    """Optional: stores that list some items of many partitions in fewer requests than one for each."""

    async def list_many(self, partitions: Collection[str], prefix: str) -> tuple[Item, ...]:
        """Return the items of these partitions whose id begins with `prefix`, in order of (partition, id).

        All of them: only for numbers that are naturally small. At most MOST_PARTITIONS; more, or a name out
        of bounds, raise ValueError.

        Raises:
            Unavailable: the store can't be reached.
        """


@runtime_checkable
class SupportsLag(Protocol):
    """Optional: stores in which a read may miss what another process has just written.

    What this process has written, or has read before, is always seen.
    """

    @property
    def lag(self) -> timedelta:
        """How long after a write it is seen by others, as a rule; 0: at once."""


@runtime_checkable
class SupportsWipe(Protocol):
    """Optional: stores whose files may hold what was deleted, because nothing overwrites it by itself."""

    async def wipe_deleted(self, since: datetime) -> None:
        """Return once no file of the store holds what was deleted or replaced before the call.

        That was written at `since` or later: copies that the store made of itself after that are deleted.

        Raises:
            Unavailable: not now, e.g. because another process reads it; try again.
        """


def check_names(*names: str) -> None:
    """Raise ValueError unless each is a valid name of a partition or an item."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError("a partition or an id is 1 to 200 characters of A-Z a-z 0-9 . _ ~ | -")


def check_range(prefix: str, after: str, limit: int) -> None:
    """Raise ValueError unless these are valid arguments of `Store.list`."""
    check_names(*(name for name in (prefix, after) if name))
    _check_limit(limit)


def check_many(partitions: Collection[str], prefix: str) -> None:
    """Raise ValueError unless these are valid arguments of `list_many`."""
    check_names(*partitions, *filter(None, (prefix,)))
    if len(partitions) > MOST_PARTITIONS:
        raise ValueError(f"at most {MOST_PARTITIONS} partitions are listed at once")


def check_due(queues: Collection[str], now: datetime, limit: int, after: Item | None) -> None:
    """Raise ValueError unless these are valid arguments of `Store.due`."""
    check_names(*queues)
    _check_limit(limit)
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    if after is not None and after.due_at is None:
        raise ValueError("this item is never due")


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_ITEMS:
        raise ValueError(f"a limit is 1 to {MOST_ITEMS}")


def check_writes(writes: Sequence[Write]) -> None:
    """Raise what `Store.commit` raises before it writes: for adapters, so that all of them agree.

    Raises:
        ValueError: a write is out of the bounds of `Store`.
        TooLarge: the bodies together exceed MOST_BYTES.
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
        raise ValueError("an item with a queue needs due_at, and one with due_at needs a queue")
    if write.queue:
        check_names(write.queue)
    check_names(write.kind)
    for moment in (write.due_at, write.expires_at):
        if moment is not None and moment.tzinfo is None:
            raise ValueError("due_at and expires_at must be aware datetimes")
