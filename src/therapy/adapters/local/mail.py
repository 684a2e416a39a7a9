"""Mail as one `.eml` file per letter, in `mail/` in the mailbox: any mail program opens them.

A letter says in its head until when it is of use, and is deleted then. Letters of earlier versions do not:
they stay for LONGEST. What else lies in the mailbox is left alone.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from therapy.domain.errors import InvalidInput, Unavailable
from therapy.ports.mail import Letter, Mail, check_letter

FOLDER = "mail"
READABLE = policy.SMTPUTF8.clone(cte_type="8bit", linesep="\n", max_line_length=None)
"""The files are read by people, so nothing is folded or encoded."""

LONGEST = timedelta(days=1)
"""How long after it was sent a letter stays that does not say; the tokens in them last for half an hour."""

PRACTICE, LETTER, TOPIC, EXPIRES = "X-Practice", "X-Letter", "X-Topic", "X-Expires"


def _now() -> datetime:
    return datetime.now(UTC)


class FileMail(Mail):
    """Writes letters below `directory`; a letter that is sent again replaces its file.

    The disk is used in one of `threads` (None: the event loop's own).
    """

    def __init__(
        self,
        directory: Path,
        now: Callable[[], datetime] = _now,
        threads: Executor | None = None,
    ) -> None:
        self._folder = directory / FOLDER
        self._now = now
        self._threads = threads

    async def send(self, practice_id: str, letter: Letter) -> None:
        check_letter(letter)
        message = EmailMessage(policy=READABLE)
        try:
            message["To"] = letter.to
            message["Subject"] = letter.subject
            message["Date"] = format_datetime(self._now())
            message[PRACTICE] = practice_id
            message[LETTER] = letter.id
            if letter.topic:
                message[TOPIC] = letter.topic
            if letter.expires_at:
                message[EXPIRES] = letter.expires_at.isoformat()
            message.set_content(letter.body, cte="8bit")
            content = message.as_bytes()
        except (ValueError, UnicodeEncodeError):
            raise InvalidInput("letter") from None  # the cause would quote the letter
        name = hashlib.sha256(f"{practice_id}|{letter.id}".encode()).hexdigest()[:32]
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, _write, self._folder / f"{name}.eml", content)

    async def discard(self, practice_id: str, topic: str, until: datetime) -> None:
        def is_on_it(head: Message, sent: datetime) -> bool:
            return (head[PRACTICE], head[TOPIC]) == (practice_id, topic) and sent <= until

        await self._deleted(is_on_it)

    async def discard_expired(self, now: datetime) -> None:
        def has_expired(head: Message, sent: datetime) -> bool:
            return now >= (_expires_at(head) or sent + LONGEST)

        await self._deleted(has_expired)

    async def _deleted(self, concerned: Callable[[Message, datetime], bool]) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, _delete, self._folder, concerned)


def sent_letters(directory: Path) -> tuple[Letter, ...]:
    """Return the letters in the mailbox, oldest first."""
    dated = []
    for path in _files(directory / FOLDER):
        with suppress(FileNotFoundError):  # deleted at this moment
            message = BytesParser(policy=READABLE).parsebytes(path.read_bytes())
            if message[LETTER]:
                dated.append((path.stat().st_mtime_ns, path.name, _letter(message)))
    return tuple(letter for *_, letter in sorted(dated, key=lambda each: each[:2]))


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.glob("*.eml") if each.is_file()]


def _letter(message: EmailMessage) -> Letter:
    return Letter(
        id=str(message[LETTER]),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        body=message.get_content().removesuffix("\n"),
        topic=str(message[TOPIC] or ""),
        expires_at=_expires_at(message),
    )


def _expires_at(head: Message) -> datetime | None:
    with suppress(ValueError):  # none, or none that can be read
        return datetime.fromisoformat(str(head[EXPIRES] or ""))
    return None


def _sent_at(head: Message, path: Path) -> datetime:
    """Return when a letter was sent: by its head or, if that does not say, by its file."""
    with suppress(ValueError):
        sent = parsedate_to_datetime(str(head["Date"] or ""))
        if sent.tzinfo is not None:
            return sent
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _delete(folder: Path, unwanted: Callable[[Message, datetime], bool]) -> None:
    """Delete the letters that are unwanted by their head and by when they were sent.

    Raises:
        Unavailable: one can't be read or deleted; the others were.
    """
    failed: OSError | None = None
    for path in _files(folder):
        try:
            with path.open("rb") as file:
                head = BytesParser(policy=READABLE).parse(file, headersonly=True)
            if head[LETTER] and unwanted(head, _sent_at(head, path)):
                path.unlink()
        except FileNotFoundError:  # deleted at this moment
            continue
        except OSError as exc:
            failed = exc
    if failed is not None:
        raise Unavailable(reason=type(failed).__name__) from failed


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
