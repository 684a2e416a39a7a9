"""Pushes as lines of `notices.jsonl` in the mailbox, for installations without a push service."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from therapy.domain.errors import Unavailable
from therapy.domain.people import Device
from therapy.domain.push import PushMessage
from therapy.ports.push import PushSender

FILE_NAME = "notices.jsonl"


class SentPush(Struct, frozen=True):
    """One line of the file; `data` has the fields that an app would get."""

    at: datetime
    practice_id: str
    person_id: str
    token: str
    message: PushMessage = msgspec.field(name="notice")
    data: dict[str, str]


def _now() -> datetime:
    return datetime.now(UTC)


class FilePushSender(PushSender):
    """Appends each push to a file in `directory`, in one of `threads` (None: the event loop's own)."""

    def __init__(
        self,
        directory: Path,
        now: Callable[[], datetime] = _now,
        threads: Executor | None = None,
    ) -> None:
        self._path = directory / FILE_NAME
        self._now = now
        self._threads = threads

    async def send(self, practice_id: str, device: Device, message: PushMessage) -> bool:
        sent = SentPush(
            at=self._now(),
            practice_id=practice_id,
            person_id=device.person_id,
            token=device.token,
            message=message,
            data=message.data,
        )
        line = msgspec.json.encode(sent) + b"\n"
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, _append, self._path, line)
        return True


def sent_pushes(directory: Path) -> tuple[SentPush, ...]:
    """Return what was sent, oldest first; a push that was sent again appears once, where it was sent last."""
    path = directory / FILE_NAME
    if not path.exists():
        return ()
    latest: dict[tuple[str, str], SentPush] = {}
    for line in path.read_bytes().splitlines():
        try:
            sent = msgspec.json.decode(line, type=SentPush)
        except msgspec.MsgspecError:  # a line cut short by a crash
            continue
        latest.pop((sent.token, sent.message.id), None)
        latest[sent.token, sent.message.id] = sent
    return tuple(latest.values())


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise Unavailable(reason=type(exc).__name__) from exc
