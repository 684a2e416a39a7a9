"""Reservations in Cosmos DB: an item for each key, which can be created once."""

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.container import ATTEMPTS
from therapy.adapters.azure.cosmos.errors import contended
from therapy.adapters.azure.cosmos.keys import key as partition
from therapy.ports.reservations import Reservations

KEPT = "key"


class CosmosReservations(Reservations):
    """Reservations of all practices."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.keys

    async def reserve(self, practice_id: str, key: str, value: str) -> str:
        there = await self._container.create(partition(practice_id, key), KEPT, {"value": value})
        return value if there is None else str(there["value"])

    async def replace(self, practice_id: str, key: str, expected: str, value: str) -> bool:
        for _ in range(ATTEMPTS):
            there = await self._container.read(partition(practice_id, key), KEPT)
            if there is None or there["value"] != expected:
                return False
            if await self._container.replace(there, {"value": value}):
                return True
        raise contended()

    async def release(self, practice_id: str, key: str, expected: str) -> None:
        for _ in range(ATTEMPTS):
            there = await self._container.read(partition(practice_id, key), KEPT)
            if there is None or there["value"] != expected:
                return
            if await self._container.delete(there["pk"], KEPT, there["_etag"]):
                return
        raise contended()
