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

    @abstractmethod
    async def is_common(self, password: str) -> bool:
        """Return whether so many people have this password that it is among the first to be guessed.

        It is looked for in a list, in the forms of `people.common_forms`; nothing is asked over a network.
        """
