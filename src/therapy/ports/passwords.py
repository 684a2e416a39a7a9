"""Passwords: stored as slow hashes only."""

from abc import ABC, abstractmethod


class Passwords(ABC):
    """Hashes passwords: slow on purpose, so it runs off the event loop, a few at a time.

    A password is the same however its letters are composed: see `people.password_forms`.
    """

    @abstractmethod
    async def hash(self, password: str) -> str:
        """Return a salted hash; two calls return two different ones.

        Raises:
            Unavailable: too many calls wait for their turn (`busy`).
        """

    @abstractmethod
    async def verify(self, password: str, hashed: str) -> bool:
        """Return whether the password matches the hash; for the hash "" False, after the same time.

        Raises:
            Unavailable: too many calls wait for their turn (`busy`); it was not tried.
        """
