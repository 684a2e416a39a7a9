"""Mail: letters to people; at present only the one with a reset token."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.people import check_email

SEVERAL = frozenset('<>()[],;:"\\')
"""Characters with which an address may mean several, or another one than it seems to."""


class Letter(Struct, frozen=True):
    """One mail in plain text; `id` is the same if it is sent again.

    `topic` is the same for all letters that are of no use once one of them has served ("" = none), and from
    `expires_at` on this one is of no use (None = always). Neither is part of what the reader gets.
    """

    id: str
    to: str
    subject: str
    body: str
    topic: str = ""
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Letter(id={self.id!r})"


def check_letter(letter: Letter) -> None:
    """Raise InvalidInput if the letter could inject headers or recipients, or can't be encoded.

    Raises:
        InvalidInput: there is a line break in id, address, subject or topic, the address is not exactly one,
            or a text is not valid Unicode (a lone surrogate).
    """
    for field in ("id", "to", "subject", "topic"):
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
        """Send a letter. An adapter may retry for seconds, so no request should wait for it.

        Raises:
            Unavailable: it could not be delivered to the mail server now; try again later.
            InvalidInput: it never can be: see `check_letter`, or the server refused the address or letter.
        """


@runtime_checkable
class KeepsLetters(Protocol):
    """Optional: adapters that keep what they were given, e.g. in files; what is of no use must go."""

    async def discard(self, practice_id: str, topic: str, until: datetime) -> None:
        """Delete a practice's letters on a topic that were sent at `until` or before. Idempotent.

        Raises:
            Unavailable: a letter can't be deleted now.
        """

    async def discard_expired(self, now: datetime) -> None:
        """Delete the letters that have expired.

        Raises:
            Unavailable: a letter can't be deleted now.
        """


@runtime_checkable
class NotesExpired(Protocol):
    """Optional: what tells operators of letters that expired before any mail server took them."""

    def note_expired(self, asked_at: datetime, attempts: int, why: str) -> None:
        """Note that a letter was dropped, after so many attempts, the last of which failed for a reason."""
