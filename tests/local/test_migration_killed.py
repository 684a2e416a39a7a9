"""The migration of a data directory is killed, or two processes begin it at once: the same comes out."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import forked
from tests.local import dying_migration
from tests.local.data_directory import DATABASE, unpacked
from tests.local.dying_migration import OPENED, PATIENCE_MS
from tests.local.test_migration import BACKUP, dumped, migrate, schema
from therapy.adapters.local.sqlite.migration import known_steps

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

BEFORE_THE_COMMIT = (
    *("connect|1", "connect|3"),  # before anything; before the backup is written
    *(
        "size|200000",
        "rename|1",
    ),  # half of the backup is written; all of it, but it has no name yet
    *("INSERT INTO items|1", "INSERT INTO items|150", "INSERT INTO person_entries|1"),
    *("DROP TABLE|1", "DROP TABLE|11", "PRAGMA user_version =|1"),
    *("COMMIT|1", "size|420000"),  # before it; while it writes the log
)
AFTER_THE_COMMIT = (
    *("PRAGMA wal_checkpoint|1", "size|540000"),  # before the log is written back; while it is
    *("VACUUM|1", "in VACUUM|3", "PRAGMA wal_checkpoint|2"),
)


def started(directory: Path, before: str, kind: str = "SIGKILL") -> "subprocess.Popen[bytes]":
    """Start the program; it gets a signal before this."""
    module = "tests.local.dying_migration"
    command = [sys.executable, "-m", module, str(directory / DATABASE), kind, before]
    return subprocess.Popen(command, cwd=ROOT)


def killed(directory: Path, before: str) -> None:
    """Let a process that opens the database die before this."""
    code = forked.run(dying_migration.run, directory / DATABASE, "SIGKILL", before)
    assert code in {-signal.SIGKILL, -signal.SIGXFSZ}
    assert not (directory / OPENED).exists()


def version_of(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def unused_pages(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


class Dumps(NamedTuple):
    """All that is in the database, before the migration and after one in which nothing went wrong."""

    before: list[str]
    after: list[str]


DUMPS: list[Dumps] = []
"""Made once: a migration makes the same every time."""


@pytest.fixture
async def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Dumps:
    if not DUMPS:
        whole = unpacked(tmp_path_factory.mktemp("undisturbed"))
        before = dumped(whole / DATABASE)
        await migrate(whole)
        DUMPS.append(Dumps(before, dumped(whole / DATABASE)))
    return DUMPS[0]


def files(directory: Path) -> set[str]:
    return {each.name for each in directory.glob(f"{DATABASE}*")}


@pytest.mark.parametrize("moment", BEFORE_THE_COMMIT)
async def test_killed_before_the_commit_nothing_has_changed_and_the_next_start_does_it(
    moment: str, directory: Path, undisturbed: Dumps, tmp_path: Path
) -> None:
    killed(directory, moment)
    assert dumped(unpacked_copy(directory, tmp_path) / DATABASE) == undisturbed.before
    await migrate(directory)
    assert dumped(directory / DATABASE) == undisturbed.after
    assert dumped(directory / BACKUP) == undisturbed.before
    assert files(directory) == {DATABASE, BACKUP}


@pytest.mark.parametrize("moment", AFTER_THE_COMMIT)
async def test_killed_after_the_commit_the_next_start_gives_the_room_back(
    moment: str, directory: Path, undisturbed: Dumps, tmp_path: Path
) -> None:
    killed(directory, moment)
    assert version_of(unpacked_copy(directory, tmp_path) / DATABASE) == len(known_steps())
    await migrate(directory)
    assert unused_pages(directory / DATABASE) == 0
    assert dumped(directory / DATABASE) == undisturbed.after
    assert dumped(directory / BACKUP) == undisturbed.before
    assert files(directory) == {DATABASE, BACKUP}


async def test_killed_again_and_again_it_comes_to_the_same(
    directory: Path, undisturbed: Dumps
) -> None:
    for moment in (*BEFORE_THE_COMMIT[2::4], *AFTER_THE_COMMIT[:4]):
        killed(directory, moment)
    await migrate(directory)
    assert dumped(directory / DATABASE) == undisturbed.after


def unpacked_copy(directory: Path, tmp_path: Path) -> Path:
    """Return a copy to look into: to open a database may write its log back."""
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(directory, copy))


async def test_of_processes_that_start_at_once_one_migrates_and_all_go_on(
    directory: Path, undisturbed: Dumps
) -> None:
    children = [started(directory, "never|1") for _ in range(3)]
    assert [child.wait(60) for child in children] == [0] * 3
    assert dumped(directory / DATABASE) == undisturbed.after
    assert schema(directory / BACKUP) != schema(directory / DATABASE)


def stopped(directory: Path, before: str) -> "subprocess.Popen[bytes]":
    """Start the program and wait until it has stopped there."""
    child = started(directory, before, "SIGSTOP")
    os.waitpid(child.pid, os.WUNTRACED)
    return child


def test_who_starts_while_another_migrates_waits_for_it_however_long(
    directory: Path, undisturbed: Dumps
) -> None:
    first, second = (stopped(directory, each) for each in ("COMMIT|1", "BEGIN IMMEDIATE|1"))
    try:
        second.send_signal(signal.SIGCONT)
        time.sleep(10 * PATIENCE_MS / 1000)  # for longer than it waits for a lock in its daily work
        assert second.poll() is None
        first.send_signal(signal.SIGCONT)
        assert [child.wait(60) for child in (first, second)] == [0] * 2
        assert dumped(directory / DATABASE) == undisturbed.after
    finally:
        for each in (first, second):
            each.kill()
