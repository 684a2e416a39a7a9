"""The typed base of every record: one kind of struct, kept as items of a store.

A repository names its record's partition and id, says when it is due or expires, and returns writes. It
never commits: a workflow puts the writes of several records into one `Change`. A new record is one file:
a subclass that sets `kind` and `struct` and gives its methods the names of the clinic.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import ClassVar, Generic, NamedTuple, TypedDict, TypeVar

from msgspec import Struct
from msgspec.structs import replace as changed

from therapy.domain import codec
from therapy.domain.errors import AlreadyExists, Stale, TherapyError, Unavailable
from therapy.ports.store import MOST_ITEMS, Check, Create, Delete, Item, Put, Replace, Store
from therapy.repositories.change import Pending

S = TypeVar("S", bound=Struct)


class Due(NamedTuple):
    """The queue in which a record waits, and the moment from which it is due."""

    queue: str
    at: datetime


class _Fields(TypedDict):
    kind: str
    body: bytes
    queue: str
    due_at: datetime | None
    expires_at: datetime | None


class Repository(Generic[S]):
    """Reads and writes one kind of record.

    A struct that has a field `version` gets the stored item's on reading: it counts writes, 0 is a record
    that was never stored, and bodies carry none. Items whose kind is another one, or whose body only a
    newer program can read (an enum value, a tag), are left alone: `list` skips them, `get` raises.
    """

    kind: ClassVar[str]
    struct: ClassVar[type[Struct]]

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, record: S) -> Due | None:
        """Return when the record is due and in which queue; None for one that never is."""

    def expires_at(self, record: S) -> datetime | None:
        """Return the moment from which the record is as if absent; None for one that stays."""

    def read(self, item: Item) -> S:
        """Return an item's record.

        Raises:
            Unavailable: it is damaged, or only a newer program can read it.
        """
        record: S = codec.decode(self.struct, item.body)  # type: ignore[assignment] # S is that struct
        return self._with_version(record, item.version)

    def read_if_known(self, item: Item) -> S | None:
        """Return an item's record; None if it is of another kind or only a newer program can read it."""
        if item.kind != self.kind:
            return None
        record: S | None = codec.decode_if_known(self.struct, item.body)  # type: ignore[assignment] # as above
        return None if record is None else self._with_version(record, item.version)

    async def get(self, partition: str, item_id: str) -> S | None:
        item = (await self._store.get(partition, item_id)).get(item_id)
        return self.read(item) if item is not None and item.kind == self.kind else None

    async def list(
        self,
        partition: str,
        prefix: str,
        *,
        after: str = "",
        backwards: bool = False,
        limit: int = MOST_ITEMS,
    ) -> tuple[S, ...]:
        """Return one page; records that this program does not know are missing from it."""
        items = await self._store.list(
            partition, prefix, after=after, backwards=backwards, limit=limit
        )
        return self.known(items)

    async def list_all(self, partition: str, prefix: str) -> tuple[S, ...]:
        """Return every record of a partition whose number is bounded by nature, page after page."""
        return self.known([item async for item in self.items(partition, prefix)])

    async def items(self, partition: str, prefix: str) -> AsyncIterator[Item]:
        """Yield every item whose id begins with `prefix`, of whatever kind, page after page."""
        after = ""
        while True:
            page = await self._store.list(partition, prefix, after=after)
            for item in page:
                yield item
            if len(page) < MOST_ITEMS:
                return
            after = page[-1].id

    def put_off(self, item: Item, until: datetime) -> Pending:
        """Make an item due later and leave its body as it is, readable or not; Stale if it has changed."""
        write = Replace(
            id=item.id,
            version=item.version,
            kind=item.kind,
            body=item.body,
            queue=item.queue,
            due_at=until,
            expires_at=item.expires_at,
        )
        return Pending(item.partition, write, Stale(kind=item.kind))

    def read_if_readable(self, item: Item) -> S | None:
        """Return an item's record; None if this program can't read it, for whatever reason."""
        try:
            return self.read_if_known(item)
        except Unavailable:
            return None

    def known(self, items: Iterable[Item]) -> tuple[S, ...]:
        """Return the records of those items that this program knows.

        Raises:
            Unavailable: one of them is damaged.
        """
        records = (self.read_if_known(item) for item in items)
        return tuple(record for record in records if record is not None)

    def create(
        self, partition: str, item_id: str, record: S, refused: TherapyError | None = None
    ) -> Pending:
        write = Create(id=item_id, **self._fields(record))
        return Pending(partition, write, refused or AlreadyExists(kind=self.kind))

    def replace(
        self,
        partition: str,
        item_id: str,
        record: S,
        version: int,
        refused: TherapyError | None = None,
    ) -> Pending:
        write = Replace(id=item_id, version=version, **self._fields(record))
        return Pending(partition, write, refused or Stale(kind=self.kind))

    def put(self, partition: str, item_id: str, record: S) -> Pending:
        return Pending(partition, Put(id=item_id, **self._fields(record)), Stale(kind=self.kind))

    def save(
        self,
        partition: str,
        item_id: str,
        record: S,
        version: int,
        refused: TherapyError | None = None,
    ) -> Pending:
        """Create a record that was never stored (version 0), replace one that was."""
        if version:
            return self.replace(
                partition, item_id, record, version, refused or Stale(kind=self.kind)
            )
        return self.create(partition, item_id, record, refused or Stale(kind=self.kind))

    def check(
        self, partition: str, item_id: str, version: int, refused: TherapyError | None = None
    ) -> Pending:
        write = Check(id=item_id, version=version)
        return Pending(partition, write, refused or Stale(kind=self.kind))

    def delete(
        self,
        partition: str,
        item_id: str,
        version: int | None = None,
        refused: TherapyError | None = None,
    ) -> Pending:
        write = Delete(id=item_id, version=version)
        return Pending(partition, write, refused or Stale(kind=self.kind))

    def _fields(self, record: S) -> _Fields:
        due = self.due(record)
        return {
            "kind": self.kind,
            "body": codec.encode(self._with_version(record, 0)),
            "queue": due.queue if due else "",
            "due_at": due.at if due else None,
            "expires_at": self.expires_at(record),
        }

    def _with_version(self, record: S, version: int) -> S:
        return changed(record, version=version) if "version" in record.__struct_fields__ else record
