"""A change: writes to one partition, committed together, each with the error that its refusal means."""

from collections.abc import Iterator
from typing import NamedTuple

from therapy.domain.errors import TherapyError
from therapy.ports.store import Refused, Store, Write


class Pending(NamedTuple):
    """A write that is not committed yet; `refused` is raised if the store refuses it."""

    partition: str
    write: Write
    refused: TherapyError


class Change:
    """Pending writes to one partition."""

    def __init__(self, *pending: Pending) -> None:
        self._pending: list[Pending] = []
        self.add(*pending)

    def add(self, *pending: Pending) -> "Change":
        """Add writes and return this change.

        Raises:
            ValueError: they are for another partition: no commit spans two.
        """
        for each in pending:
            if self._pending and each.partition != self.partition:
                raise ValueError("a change writes to one partition")
            self._pending.append(each)
        return self

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._pending)

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def partition(self) -> str:
        """The partition that the writes are for."""
        return self._pending[0].partition

    async def commit(self, store: Store) -> None:
        """Write everything or nothing.

        Raises:
            TherapyError: the error of a write that was refused; nothing was written.
            TooLarge, Unavailable: as `Store.commit`.
        """
        if not self._pending:
            return
        try:
            await store.commit(self.partition, [each.write for each in self._pending])
        except Refused as refusal:
            raise self._pending[refusal.place].refused from None
