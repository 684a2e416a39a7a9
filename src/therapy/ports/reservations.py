"""Reservations: what must be unique although it lives in no one partition, e.g. a recording's fingerprint."""

from abc import ABC, abstractmethod


class Reservations(ABC):
    """Keeps values under keys; the first to reserve a key wins. Both have at most 500 characters."""

    @abstractmethod
    async def reserve(self, practice_id: str, key: str, value: str) -> str:
        """Reserve a key: gives `value`, or the one that the key is reserved with already."""

    @abstractmethod
    async def replace(self, practice_id: str, key: str, expected: str, value: str) -> bool:
        """Put `value` in the place of `expected`; False, and nothing written, if it isn't there."""

    @abstractmethod
    async def release(self, practice_id: str, key: str, expected: str) -> None:
        """Free a key that is reserved with `expected`; anything else is left alone. Idempotent."""
