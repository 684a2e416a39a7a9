"""What this process last read or wrote of items, so that most writes need no look beforehand.

It may be wrong: other processes write, too. So nothing is refused because of it, and a write that trusts
it names the ETag; Cosmos then says whether it was right, and a wrong memory only costs another look.
"""

from collections import OrderedDict

from therapy.adapters.azure.cosmos.document import Seen

MOST = 4_096
"""Items that are remembered, about 1 MB; the ones longest not touched are forgotten first."""


class Versions:
    """Versions and ETags by partition and id."""

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
