"""Tokens: what the app shows instead of a password."""

from abc import ABC, abstractmethod
from datetime import datetime

from therapy.domain.access import Actor


class Tokens(ABC):
    """Issues and reads access tokens."""

    @abstractmethod
    def issue(self, actor: Actor, *, now: datetime) -> tuple[str, int]:
        """Give an access token for the actor and for how many seconds from `now` it is good."""

    @abstractmethod
    def secret_after(self, token: str) -> str:
        """Return the secret of the refresh token after this one; always the same, for nobody to guess.

        So an app that lost our answer and asks again gets the same answer.
        """

    @abstractmethod
    def read(self, token: str, *, now: datetime) -> Actor:
        """Give the actor that a token was issued for (without request id and address).

        Raises:
            NotSignedIn: not one of ours, altered, of another kind, or expired.
        """
