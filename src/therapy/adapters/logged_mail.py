"""Mail that says in the log when a letter was not sent, whichever adapter sends it.

Nobody waits for a letter's fate: the outbox tries again, and whoever asked has had their answer. What is
tried again is a warning; an error is a letter that nobody will get.
"""

import logging
from asyncio import CancelledError
from datetime import datetime

from therapy.domain.errors import TherapyError, TryAgain, Unavailable
from therapy.ports.mail import KeepsLetters, Letter, Mail

log = logging.getLogger(__name__)


class LoggedMail(Mail):
    """Sends through another adapter."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def send(self, practice_id: str, letter: Letter) -> None:
        try:
            await self._mail.send(practice_id, letter)
        except TherapyError as exc:
            level = logging.WARNING if isinstance(exc, TryAgain) else logging.ERROR
            _not_sent(level, exc.code, str(exc))
            raise
        except CancelledError:
            _not_sent(logging.WARNING, Unavailable.code, "stopped")
            raise

    def note_expired(self, asked_at: datetime, attempts: int, why: str) -> None:
        """Log that a letter has expired, see `NotesExpired`."""
        log.error(
            "a letter expired before it could be sent, and was dropped",
            extra={"asked_at": asked_at.isoformat(), "attempts": attempts, "why": why},
        )

    async def discard(self, practice_id: str, topic: str, until: datetime) -> None:
        """As `KeepsLetters`, if the other adapter keeps any."""
        if isinstance(self._mail, KeepsLetters):
            await self._mail.discard(practice_id, topic, until)

    async def discard_expired(self, now: datetime) -> None:
        """As `KeepsLetters`, if the other adapter keeps any."""
        if isinstance(self._mail, KeepsLetters):
            await self._mail.discard_expired(now)


def _not_sent(level: int, code: str, why: str) -> None:
    """Log it without a traceback, which may quote the address."""
    log.log(level, "a mail was not sent", extra={"error": code, "why": why})
