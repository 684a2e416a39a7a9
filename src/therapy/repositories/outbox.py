"""The outbox: consequences of a change, in the partition of the change and written with it.

Whoever delivers an item has claimed it: at first its writer, until `due_at`; then a sweep, by writing it
with a later `due_at`. Whatever a delivery raises, the item is postponed. Items of kinds that only a newer
program knows are never fetched.
"""

from datetime import UTC, datetime

from msgspec import Struct

from therapy.domain.errors import Stale
from therapy.domain.outbox import QUEUES, OutboxItem
from therapy.domain.partition_keys import part
from therapy.repositories.change import Pending
from therapy.repositories.repository import Due, Repository

OUTBOX_QUEUES = tuple(QUEUES.values())
"""The queues of the kinds that this program can deliver."""


TICKS = 1_000_000_000
"""Of a position in a second: `Records` counts the writes of one microsecond in the last three digits."""


def written_at(item_id: str) -> datetime:
    """Return when an item was written, by the clock of its writer, which is in its id."""
    return datetime.fromtimestamp(int(item_id.split("-")[1]) / TICKS, UTC)


class Placed(Struct, frozen=True):
    """An outbox item and where it is stored."""

    partition: str
    item_id: str
    item: OutboxItem


class Outbox(Repository[OutboxItem]):
    """Stores consequences until they are delivered; each is delivered at least once."""

    kind = "outbox"
    struct = OutboxItem

    def due(self, record: OutboxItem) -> Due | None:
        return Due(QUEUES[type(record.what)], record.due_at)

    def new(self, partition: str, item: OutboxItem, position: int) -> tuple[Placed, Pending]:
        """Write a new item; items in a partition are ordered by `position`, 0 to 10**20 - 1."""
        item_id = f"item-{position:020}-{part(item.id)}"
        placed = Placed(partition, item_id, item)
        return placed, self.create(partition, item_id, item, Stale(item=item.id))

    async def pending(self, partition: str) -> tuple[Placed, ...]:
        """Return a partition's items of known kinds, in the order in which they were written."""
        items = [item async for item in self.items(partition, "item-")]
        known = ((item.id, self.read_if_known(item)) for item in items)
        return tuple(Placed(partition, place, item) for place, item in known if item is not None)

    async def as_stored(self, placed: Placed) -> Placed | None:
        """Return an item as it is stored now; None if it was delivered."""
        item = await self.get(placed.partition, placed.item_id)
        return None if item is None else Placed(placed.partition, placed.item_id, item)

    def rewrite(self, placed: Placed, item: OutboxItem) -> Pending:
        """Replace an item that is unchanged since it was read; Stale if someone else has taken it over."""
        version = placed.item.version
        return self.replace(placed.partition, placed.item_id, item, version, Stale(item=item.id))

    def delivered(self, placed: Placed) -> Pending:
        """Delete an item, whoever has claimed it: it is done."""
        return self.delete(placed.partition, placed.item_id)
