"""Passwords and the disk have threads of their own: lists and what else is computed do not wait for them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.builders import PRACTICE
from therapy.adapters.local.mail import FileMail, sent_letters
from therapy.adapters.local.push import FilePushSender, sent_pushes
from therapy.adapters.local.recordings import FileRecordings
from therapy.adapters.passwords import Argon2Passwords
from therapy.config import read_settings
from therapy.testing.samples import a_device, a_letter, a_push
from therapy.wiring import open_therapy

OWN = ("passwords", "recordings", "mailbox")


@asynccontextmanager
async def busy_threads() -> AsyncIterator[None]:
    """Keep every thread that `asyncio.to_thread` may have occupied until the body is over."""
    loop, free = asyncio.get_running_loop(), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        loop.set_default_executor(threads)
        occupied = loop.run_in_executor(None, free.wait)
        try:
            yield
        finally:
            free.set()
            await occupied


async def test_a_password_is_checked_while_all_other_threads_are_busy() -> None:
    passwords = Argon2Passwords()
    async with busy_threads(), asyncio.timeout(20):
        hashed = await passwords.hash("correct horse 42")
        assert await passwords.verify("correct horse 42", hashed)


async def test_a_recording_is_staged_kept_and_read_while_all_other_threads_are_busy(
    tmp_path: Path,
) -> None:
    recordings = FileRecordings(tmp_path, reserve=0)
    async with busy_threads(), asyncio.timeout(20):
        await recordings.stage(PRACTICE, "upload-1", 0, b"sound")
        assert await recordings.keep(PRACTICE, "upload-1", 1, "key-1") == 5
        assert await recordings.read(PRACTICE, "key-1", 1, 3) == b"ou"


async def test_a_letter_and_a_push_are_written_while_all_other_threads_are_busy(
    tmp_path: Path,
) -> None:
    with ThreadPoolExecutor(1) as thread:
        mail, push = FileMail(tmp_path, threads=thread), FilePushSender(tmp_path, threads=thread)
        async with busy_threads(), asyncio.timeout(20):
            await mail.send(PRACTICE, a_letter(expires_at=datetime.now(UTC)))
            assert await push.send(PRACTICE, a_device(), a_push())
            await mail.discard_expired(datetime.now(UTC))
    assert not sent_letters(tmp_path)
    assert len(sent_pushes(tmp_path)) == 1


def own_threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith(OWN)}


async def test_their_threads_end_with_the_installation(tmp_path: Path) -> None:
    before = own_threads()
    async with open_therapy(read_settings({"THERAPY_DATA_DIR": str(tmp_path)})) as therapy:
        await therapy.installation.sign_in.passwords.hash("a password")
        await therapy.installation.recordings.discard(PRACTICE, "upload-1")
        await therapy.installation.sweep.relay.letters.mail.discard_expired(datetime.now(UTC))
        assert {each.name.partition("_")[0] for each in own_threads() - before} == set(OWN)
    assert own_threads() <= before
