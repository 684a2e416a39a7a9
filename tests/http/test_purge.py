"""What has expired is deleted for good by the sweep of a running server, not only passed over."""

import asyncio
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.builders import DAY, HOUR, a_letter, a_login, a_reset
from tests.http.clinic import OLIVIA
from tests.http.server import PATIENCE, serving
from tests.logins import LOGIN
from therapy.adapters.local.mail import FileMail, sent_letters
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.repositories.change import Change
from therapy.repositories.logins import access_partition

pytestmark = pytest.mark.slow  # they have real servers

HERS = {"practice_id": OLIVIA.practice_id, "person_id": OLIVIA.id}


def items_of_olivia(directory: Path) -> set[str]:
    partition = access_partition(OLIVIA.practice_id, OLIVIA.id)
    connection = sqlite3.connect(f"file:{directory / 'therapy.sqlite3'}?mode=ro", uri=True)
    try:
        found = connection.execute("SELECT id FROM items WHERE partition = ?", (partition,))
        return {item_id for (item_id,) in found}
    finally:
        connection.close()


def test_letters_and_copies_of_the_database_go_once_they_have_expired(tmp_path):
    now, mail = datetime.now(UTC), FileMail(tmp_path / "mailbox")
    over = replace(a_letter(id="over"), expires_at=now - HOUR)
    asyncio.run(mail.send(OLIVIA.practice_id, over))
    asyncio.run(mail.send(OLIVIA.practice_id, replace(over, id="good", expires_at=now + HOUR)))
    copies = [tmp_path / f"{FILE_NAME}.before-000{step}" for step in (2, 3)]
    for copy, days in zip(copies, (3, 1), strict=True):
        copy.write_bytes(b"")
        made = (now - days * DAY).timestamp()
        os.utime(copy, (made, made))
    with serving(tmp_path, with_worker=True, environment={"THERAPY_MIGRATION_COPY_DAYS": "2"}):
        end = time.monotonic() + PATIENCE
        while len(sent_letters(tmp_path / "mailbox")) > 1 and time.monotonic() < end:
            time.sleep(0.05)
    assert [each.id for each in sent_letters(tmp_path / "mailbox")] == ["good"]
    assert [each.exists() for each in copies] == [False, True]


def test_expired_logins_and_reset_tokens_are_deleted_and_others_stay(tmp_path):
    now = datetime.now(UTC)
    logins = [
        a_login(sid="over", expires_at=now - 2 * DAY, **HERS),
        a_login(sid="just-over", expires_at=now - HOUR, **HERS),  # to be told so, for a day
        a_login(sid="current", expires_at=now + DAY, **HERS),
    ]
    resets = [
        a_reset(token_hash="over", expires_at=now - HOUR, **HERS),
        a_reset(token_hash="used", expires_at=now - HOUR, used=True, **HERS),
        a_reset(token_hash="current", expires_at=now + HOUR, **HERS),
    ]
    with serving(tmp_path) as server:
        records = server.therapy.installation.records
        pending = [*map(records.logins.write, logins), *map(records.reset_tokens.write, resets)]
        server.run(Change(*pending).commit(records.store))
    others = {f"login-{LOGIN}", "login-login-2", "login-login-3"}
    assert len(items_of_olivia(tmp_path) - others) == len(pending)
    left = {"login-just-over", "login-current", "reset-current"} | others
    with serving(tmp_path, with_worker=True):
        end = time.monotonic() + PATIENCE
        while items_of_olivia(tmp_path) != left and time.monotonic() < end:
            time.sleep(0.05)
    assert items_of_olivia(tmp_path) == left
