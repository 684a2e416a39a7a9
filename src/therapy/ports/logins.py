"""Logins: refresh tokens and one-time reset tokens. Only hashes of tokens are ever kept."""

from abc import ABC, abstractmethod
from datetime import datetime

from therapy.domain.people import Login, Reset


class Logins(ABC):
    """Keeps who is signed in where."""

    @abstractmethod
    async def add(self, practice_id: str, login: Login) -> Login:
        """Write a new login; it comes back with `version` 1."""

    @abstractmethod
    async def by_refresh(self, refresh_hash: str) -> Login:
        """Find the login whose present or previous refresh token has this hash.

        Raises:
            NotFound: there is none (any more).
        """

    @abstractmethod
    async def rotate(self, practice_id: str, login: Login) -> Login:
        """Replace a login that still has the `version` it was read with; give it with + 1.

        Raises:
            Stale: somebody else rotated it since, or it is gone. Nothing was written.
        """

    @abstractmethod
    async def end(self, practice_id: str, sid: str) -> None:
        """End one login. Idempotent."""

    @abstractmethod
    async def end_all(self, practice_id: str, person_id: str) -> None:
        """End every login and every reset token of a person. Idempotent."""

    @abstractmethod
    async def add_reset(self, practice_id: str, reset: Reset) -> None:
        """Write a reset token."""

    @abstractmethod
    async def reset(self, token_hash: str, now: datetime) -> Reset:
        """Give an unused, unexpired reset token.

        Raises:
            NotFound: unknown, used or expired.
        """

    @abstractmethod
    async def use_reset(self, token_hash: str, now: datetime) -> Reset:
        """Take a reset token so that nobody else can: of two that try, one gets NotFound.

        Raises:
            NotFound: unknown, used or expired.
        """
