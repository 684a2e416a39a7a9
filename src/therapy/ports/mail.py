"""Mail: letters to people, at present the one with a reset token."""

from abc import ABC, abstractmethod

from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.people import check_email

SEVERAL = frozenset('<>()[],;:"\\')
"""With these an address may mean another one than it seems to, or several."""


class Letter(Struct, frozen=True):
    """One mail in plain text; `id` is the same if it is sent again."""

    id: str
    to: str
    subject: str
    body: str

    def __repr__(self) -> str:
        return f"Letter(id={self.id!r})"


def check_letter(letter: Letter) -> None:
    """Refuse a letter that could say more in its head than it should, or that can't be written.

    Raises:
        InvalidInput: a line break in id, address or subject; no address of one person; half a character
            (a lone surrogate).
    """
    for field in ("id", "to", "subject"):
        if len(f"{getattr(letter, field)}.".splitlines()) != 1:
            raise InvalidInput(field)
    if check_email(letter.to) != letter.to or not SEVERAL.isdisjoint(letter.to):
        raise InvalidInput("to")
    try:
        f"{letter.id}{letter.to}{letter.subject}{letter.body}".encode()
    except UnicodeEncodeError:
        raise InvalidInput("letter") from None  # the cause would quote the letter


class Mail(ABC):
    """Sends mail."""

    @abstractmethod
    async def send(self, practice_id: str, letter: Letter) -> None:
        """Send a letter. May take minutes: an adapter may try more than once, so nobody should wait for it.

        Raises:
            Unavailable: it could not be handed over now; try again later.
            InvalidInput: it never will be: see `check_letter`, or the address or the letter was refused.
        """
