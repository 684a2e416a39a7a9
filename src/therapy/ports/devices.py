"""Devices: where a person's pushes go."""

from abc import ABC, abstractmethod

from therapy.domain.people import Device


class Devices(ABC):
    """Keeps app installations by push token. A token belongs to one person at a time."""

    @abstractmethod
    async def put(self, practice_id: str, device: Device) -> None:
        """Register a device; a token that was somebody else's, in any practice, moves over. Idempotent."""

    @abstractmethod
    async def of_person(self, practice_id: str, person_id: str) -> tuple[Device, ...]:
        """List a person's devices, oldest registration first."""

    @abstractmethod
    async def remove(self, practice_id: str, token: str) -> None:
        """Forget a device of this practice. Idempotent."""
