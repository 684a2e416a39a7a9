"""Tokens: what the app presents instead of a password."""

from abc import ABC, abstractmethod
from datetime import datetime

from therapy.domain.access import Actor


class Tokens(ABC):
    """Issues and verifies access tokens."""

    @abstractmethod
    def issue(self, actor: Actor, *, now: datetime) -> tuple[str, int]:
        """Return an access token for the actor, and for how many seconds from `now` it is valid."""

    @abstractmethod
    def secret_after(self, token: str) -> str:
        """Return the secret of the refresh token after this one: always the same, and unguessable.

        So an app whose answer was lost gets the same answer again.
        """

    @abstractmethod
    def keyed_hash(self, text: str) -> str:
        """Return a hash (64 hex digits) that nobody can compute without our secret.

        Under it something can be counted without saying whom it is about.
        """

    @abstractmethod
    def read(self, token: str, *, now: datetime) -> Actor:
        """Return the actor that a token was issued for (without request id and address).

        Raises:
            NotSignedIn: the token is not ours, altered, of another kind, or expired.
        """
