"""Passwords: kept as slow hashes only."""

from abc import ABC, abstractmethod


class Passwords(ABC):
    """Hashes passwords. Slow on purpose, so it works beside the event loop, a few at a time."""

    @abstractmethod
    async def hash(self, password: str) -> str:
        """Give a salted hash; two calls give two hashes."""

    @abstractmethod
    async def verify(self, password: str, hashed: str) -> bool:
        """Tell whether the password is the hashed one; "" as a hash takes the same time and is never it."""
