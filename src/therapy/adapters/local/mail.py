"""Mail as one `.eml` file per letter, in `mail/` in the mailbox: any mail program opens them."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime
from pathlib import Path

from therapy.domain.errors import InvalidInput, Unavailable
from therapy.ports.mail import Letter, Mail, check_letter

FOLDER = "mail"
READABLE = policy.SMTPUTF8.clone(cte_type="8bit", linesep="\n", max_line_length=None)
"""The files are read by people, so nothing is folded or encoded."""


def _now() -> datetime:
    return datetime.now(UTC)


class FileMail(Mail):
    """Writes letters below `directory`; a letter that is sent again replaces its file."""

    def __init__(self, directory: Path, now: Callable[[], datetime] = _now) -> None:
        self._folder = directory / FOLDER
        self._now = now

    async def send(self, practice_id: str, letter: Letter) -> None:
        check_letter(letter)
        message = EmailMessage(policy=READABLE)
        try:
            message["To"] = letter.to
            message["Subject"] = letter.subject
            message["Date"] = format_datetime(self._now())
            message["X-Practice"] = practice_id
            message["X-Letter"] = letter.id
            message.set_content(letter.body, cte="8bit")
            content = message.as_bytes()
        except (ValueError, UnicodeEncodeError):
            raise InvalidInput("letter") from None  # the cause would quote the letter
        name = hashlib.sha256(f"{practice_id}|{letter.id}".encode()).hexdigest()[:32]
        await asyncio.to_thread(_write, self._folder / f"{name}.eml", content)


def sent_letters(directory: Path) -> tuple[Letter, ...]:
    """Return the letters in the mailbox, oldest first."""
    parser = BytesParser(policy=READABLE)
    dated = []
    for path in (directory / FOLDER).glob("*.eml"):
        message = parser.parsebytes(path.read_bytes())
        body = message.get_content().removesuffix("\n")
        letter = Letter(str(message["X-Letter"]), str(message["To"]), str(message["Subject"]), body)
        dated.append((path.stat().st_mtime_ns, path.name, letter))
    return tuple(letter for *_, letter in sorted(dated, key=lambda each: each[:2]))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.part")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as exc:
        raise Unavailable(reason=type(exc).__name__) from exc
