"""The store of items on the Cosmos emulator: two of them over one database, like two processes.

Each remembers what it has read and written itself, so what one writes the other remembers wrongly.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.azure import empty_cosmos
from tests.emulators.cosmos import Cosmos as Emulator
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.due_hints import SHARDS, part_of_index
from therapy.adapters.azure.cosmos.store import CosmosStore
from therapy.testing.clock import Clock
from therapy.testing.store.items import PARTITION

__all__ = ["items", "settled"]


@dataclass
class Items:
    """Two stores, the clock that they share, and the emulator."""

    emulator: Emulator
    cosmos: Cosmos
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.store, self.other = self.opened(), self.opened()

    def opened(self) -> CosmosStore:
        """Another store over the same database, that remembers nothing yet."""
        return CosmosStore(self.cosmos, self.clock)

    def requests(self) -> dict[str, int]:
        """How many requests of each kind there were since the emulator was cleared."""
        counts: dict[str, int] = {}
        for container in self.emulator.seen()["containers"].values():
            for kind, number in container["operations"].items():
                counts[kind] = counts.get(kind, 0) + number
        counts.pop("meta", None)
        return counts

    async def until_struck(self, kind: str) -> None:
        """Wait until a fault of this kind has struck a request about items."""
        async with asyncio.timeout(60):
            while not self._struck(kind):  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.01)

    def _struck(self, kind: str) -> bool:
        seen = self.emulator.seen()["containers"].get("practice-items", {"struck": {}})
        return kind in seen["struck"]

    async def hints(self) -> list[dict[str, Any]]:
        """All hints, by their moments."""
        pages = [
            await self.cosmos.hints.query(part_of_index(number), 'c.at > ""', select="*")
            for number in range(SHARDS)
        ]
        return sorted((hint for page in pages for hint in page), key=lambda hint: hint["at"])

    async def document(self, item_id: str, partition: str = PARTITION) -> dict[str, Any]:
        found = await self.cosmos.items.read(partition, item_id)
        assert found is not None
        return dict(found)


@pytest.fixture
async def items(cosmos: Emulator) -> AsyncIterator[Items]:
    """Two empty stores. Failed calls are repeated without a pause."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0)) as opened:
        cosmos.clear()
        yield Items(cosmos, opened)


@pytest.fixture
async def settled(cosmos: Emulator) -> AsyncIterator[Items]:
    """The same, but every hint is taken at once for that of a commit that is over."""
    async with empty_cosmos(cosmos, pauses=(0.0, 0.0), settle=timedelta()) as opened:
        cosmos.clear()
        yield Items(cosmos, opened)
