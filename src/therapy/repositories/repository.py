"""The typed base class of repositories: structs of one kind, stored as items.

A repository decides its record's partition and id, says when it is due or expires, and returns writes. It
does not commit: a workflow puts the writes of several records into one `Change`. (`attempts` does, as it is
an adapter of a port, too.) A new record is one file: a subclass that sets `kind` and `struct` and has methods
named in the clinic's words; `records` names it where workflows use it.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
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
    """The queue in which a record waits, and when it becomes due."""

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

    If the struct has a field `version`, reading fills in the stored item's; it is 0 in a record that was
    never stored, and is not part of the body. Items of another kind are ignored. Items whose body only a
    newer program can read (an enum value, a tag) are left alone: `list_all` skips them, `get` raises.
    """

    kind: ClassVar[str]
    struct: ClassVar[type[Struct]]

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, record: S) -> Due | None:
        """Return in which queue the record waits and when it is due; None if it never is."""

    def expires_at(self, record: S) -> datetime | None:
        """Return when the record expires, i.e. counts as absent; None if it never does."""

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
        """Return a record; None if there is none, or an item of another kind.

        Raises:
            Unavailable: it is damaged, or only a newer program can read it.
        """
        return self.record_in(await self._store.get(partition, item_id), item_id)

    def record_in(self, items: Mapping[str, Item], item_id: str) -> S | None:
        """Return the record that was read under this id; None if there is none, or of another kind.

        Raises:
            Unavailable: it is damaged, or only a newer program can read it.
        """
        item = items.get(item_id)
        return self.read(item) if item is not None and item.kind == self.kind else None

    async def list_all(self, partition: str, prefix: str) -> tuple[S, ...]:
        """Return every record whose id begins with `prefix`: only for numbers that are naturally small."""
        return self.known([item async for item in self.items(partition, prefix)])

    async def items(self, partition: str, prefix: str) -> AsyncIterator[Item]:
        """Yield every item whose id begins with `prefix`, of any kind, loading page after page."""
        after = ""
        while True:
            page = await self._store.list(partition, prefix, after=after)
            for item in page:
                yield item
            if len(page) < MOST_ITEMS:
                return
            after = page[-1].id

    def put_off(self, item: Item, until: datetime) -> Pending:
        """Make an item due later without touching its body, readable or not; Stale if it has changed."""
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
        """Return the records of those items that this program can read.

        Raises:
            Unavailable: an item is damaged.
        """
        records = (self.read_if_known(item) for item in items)
        return tuple(record for record in records if record is not None)

    def create(
        self, partition: str, item_id: str, record: S, refused: TherapyError | None = None
    ) -> Pending:
        """Create a record; `refused` (AlreadyExists) if there is one."""
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
        """Replace a record that has this version; else `refused` (Stale)."""
        write = Replace(id=item_id, version=version, **self._fields(record))
        return Pending(partition, write, refused or Stale(kind=self.kind))

    def put(self, partition: str, item_id: str, record: S) -> Pending:
        """Write a record, whatever is stored."""
        return Pending(partition, Put(id=item_id, **self._fields(record)), Stale(kind=self.kind))

    def save(
        self,
        partition: str,
        item_id: str,
        record: S,
        version: int,
        refused: TherapyError | None = None,
    ) -> Pending:
        """Create the record if `version` is 0 (never stored), else replace it."""
        if version:
            return self.replace(
                partition, item_id, record, version, refused or Stale(kind=self.kind)
            )
        return self.create(partition, item_id, record, refused or Stale(kind=self.kind))

    def delete(
        self,
        partition: str,
        item_id: str,
        version: int | None = None,
        refused: TherapyError | None = None,
    ) -> Pending:
        """Delete a record, if it has this version or `version` is None; else `refused` (Stale)."""
        write = Delete(id=item_id, version=version)
        return Pending(partition, write, refused or Stale(kind=self.kind))

    def check(
        self, partition: str, item_id: str, version: int, refused: TherapyError | None = None
    ) -> Pending:
        """Change nothing, but refuse the commit (Stale) unless the record has this version."""
        write = Check(id=item_id, version=version)
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
