"""Mail: letters to people, at present the one with a reset token."""

from abc import ABC, abstractmethod

from msgspec import Struct


class Letter(Struct, frozen=True):
    """One mail in plain text; `id` is the same if it is sent again."""

    id: str
    to: str
    subject: str
    body: str

    def __repr__(self) -> str:
        return f"Letter(id={self.id!r})"


class Mail(ABC):
    """Sends mail."""

    @abstractmethod
    async def send(self, practice_id: str, letter: Letter) -> None:
        """Send a letter.

        Raises:
            Unavailable: it could not be handed over now; try again later.
        """
