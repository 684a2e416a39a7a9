"""Reservations in memory."""

from therapy.ports.reservations import Reservations


class MemoryReservations(Reservations):
    """Values by practice and key."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], str] = {}

    async def reserve(self, practice_id: str, key: str, value: str) -> str:
        return self._values.setdefault((practice_id, key), value)

    async def replace(self, practice_id: str, key: str, expected: str, value: str) -> bool:
        if self._values.get((practice_id, key)) != expected:
            return False
        self._values[practice_id, key] = value
        return True

    async def release(self, practice_id: str, key: str, expected: str) -> None:
        if self._values.get((practice_id, key)) == expected:
            del self._values[practice_id, key]
