"""The versions of items that this process last read or wrote, so that most writes need no look-up first.

They may be out of date, as other processes write, too. So nothing is refused because of them, and a write
that relies on one names the ETag, or the version if it only checks; Cosmos then says whether it was right. A
wrong one only costs a look-up.
"""

from collections import OrderedDict

from therapy.adapters.azure.cosmos.document import Seen

MOST = 4_096
"""The most items that are remembered, about 1 MB; the least recently used are forgotten first."""


class Versions:
    """Remembers versions and ETags by partition and id."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str], Seen] = OrderedDict()

    def get(self, partition: str, item_id: str) -> Seen | None:
        """Return what was last seen of an item; None if nothing is remembered."""
        seen = self._seen.get((partition, item_id))
        if seen is not None:
            self._seen.move_to_end((partition, item_id))
        return seen

    def put(self, partition: str, item_id: str, seen: Seen | None) -> None:
        """Remember what was seen of an item; None forgets it."""
        if seen is None:
            self._seen.pop((partition, item_id), None)
            return
        self._seen[partition, item_id] = seen._replace(marks=())
        self._seen.move_to_end((partition, item_id))
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
