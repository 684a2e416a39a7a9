"""Mail: letters to people; at present only the one with a reset token."""

from abc import ABC, abstractmethod

from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.people import check_email

SEVERAL = frozenset('<>()[],;:"\\')
"""Characters with which an address may mean several, or another one than it seems to."""


class Letter(Struct, frozen=True):
    """One mail in plain text; `id` is the same if it is sent again."""

    id: str
    to: str
    subject: str
    body: str

    def __repr__(self) -> str:
        return f"Letter(id={self.id!r})"


def check_letter(letter: Letter) -> None:
    """Raise InvalidInput if the letter could inject headers or recipients, or can't be encoded.

    Raises:
        InvalidInput: there is a line break in id, address or subject, the address is not exactly one,
            or a text is not valid Unicode (a lone surrogate).
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
        """Send a letter. An adapter may retry for minutes, so no request should wait for it.

        Raises:
            Unavailable: it could not be delivered to the mail server now; try again later.
            InvalidInput: it never can be: see `check_letter`, or the server refused the address or letter.
        """
