"""The data directory of 148999e under this program: whole, backed up, and the same at the next start."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests import migrated
from tests.local.data_directory import DATABASE, expected, unpacked
from therapy.adapters.local.sqlite.database import Database
from therapy.domain.errors import Unavailable
from therapy.testing.clock import Clock
from therapy.wiring import open_therapy
from therapy.wiring.stores import sqlite_stores

BACKUP = f"{DATABASE}.before-0002"


@asynccontextmanager
async def opened(
    directory: Path, now: datetime = migrated.LOOKED_AT
) -> AsyncIterator[migrated.Program]:
    clock = Clock(now)
    async with (
        Database.open(directory / DATABASE) as database,
        migrated.opened(sqlite_stores(database, clock), directory, clock) as program,
    ):
        yield program


async def migrate(directory: Path) -> None:
    """Do what a start of the program does to the database."""
    async with Database.open(directory / DATABASE):
        pass


def dumped(database: Path) -> list[str]:
    """Return all that is in a database as SQL."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [*connection.iterdump(), str(pragmas(connection))]


def pragmas(connection: sqlite3.Connection) -> dict[str, object]:
    names = ("user_version", "application_id", "page_size", "auto_vacuum", "encoding")
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


def schema(database: Path) -> list[object]:
    """Return what the tables and indexes of a database are like."""
    with closing(sqlite3.connect(database)) as connection:
        made = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master "
            "WHERE name <> 'sqlite_sequence'"  # SQLite's own, which VACUUM removes
        )
        return [*sorted(made, key=str), pragmas(connection)]


@pytest.fixture(params=["closed", "with its log"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpacked(tmp_path, closed=request.param == "closed")


# --- everything is there -------------------------------------------------------------------------


@pytest.mark.slow
async def test_everything_is_there_and_answered_as_before(directory: Path) -> None:
    async with opened(directory) as program:
        await migrated.check_everything(program)


async def test_tokens_are_good_for_what_they_were(directory: Path) -> None:
    async with opened(directory) as program:
        await migrated.check_tokens(program)


async def test_a_spent_token_of_that_time_ends_its_login(tmp_path: Path) -> None:
    async with opened(unpacked(tmp_path)) as program:
        await migrated.check_spent_token(program)


async def test_a_token_of_that_time_that_has_just_expired_is_told_so(tmp_path: Path) -> None:
    far = datetime.fromisoformat(expected()["far"])
    async with opened(unpacked(tmp_path), far + timedelta(hours=1)) as program:
        await migrated.check_expired_token(program)


@pytest.mark.slow
async def test_a_sweep_does_what_was_left_to_do(tmp_path: Path) -> None:
    async with opened(unpacked(tmp_path)) as program:
        await migrated.check_after_sweep(program)


async def test_people_are_found_by_role_by_name_and_by_number(tmp_path: Path) -> None:
    async with opened(unpacked(tmp_path)) as program:
        await migrated.check_search_over_people(program)


async def test_the_program_starts_as_it_is_put_together_for_a_practice(directory: Path) -> None:
    async with open_therapy(migrated.settings_in(directory)) as therapy:
        for check in therapy.checks.values():
            await check()
        practices = await therapy.installation.records.practices.all()
    assert len(practices) == 2


# --- the backup, and the next start --------------------------------------------------------------


async def test_the_backup_is_the_database_as_it_was(directory: Path, tmp_path: Path) -> None:
    shutil.copytree(directory, tmp_path / "before")
    await migrate(directory)
    assert dumped(directory / BACKUP) == dumped(tmp_path / "before" / DATABASE)
    assert (directory / BACKUP).stat().st_mode & 0o077 == 0


async def test_with_the_backup_in_its_place_it_is_migrated_to_the_same(tmp_path: Path) -> None:
    directory = unpacked(tmp_path)
    await migrate(directory)
    once = dumped(directory / DATABASE)
    (directory / BACKUP).rename(directory / DATABASE)
    await migrate(directory)
    assert dumped(directory / DATABASE) == once


async def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    directory = unpacked(tmp_path)
    await migrate(directory)
    before = {each.name: each.read_bytes() for each in directory.glob(f"{DATABASE}*")}
    await migrate(directory)
    assert {each.name: each.read_bytes() for each in directory.glob(f"{DATABASE}*")} == before
    assert set(before) == {DATABASE, BACKUP}


async def test_a_migrated_database_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    directory = unpacked(tmp_path)
    await migrate(directory)
    await migrate(tmp_path / "new")
    assert schema(directory / DATABASE) == schema(tmp_path / "new" / DATABASE)


async def test_what_was_dropped_is_given_back_to_the_disk(tmp_path: Path) -> None:
    directory = unpacked(tmp_path)
    await migrate(directory)
    with closing(sqlite3.connect(directory / DATABASE)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


# --- no room -------------------------------------------------------------------------------------


async def test_without_room_it_refuses_with_the_figures_and_changes_nothing(tmp_path: Path) -> None:
    directory = unpacked(tmp_path, closed=False)
    before = dumped(directory / DATABASE)  # which writes the log back, and leaves an empty one
    log = directory / f"{DATABASE}-wal"
    free = shutil.disk_usage(directory).free
    with log.open("wb") as file:
        file.truncate(free)  # a file with a hole in it, which takes no room
    with pytest.raises(Unavailable, match="no_room_to_migrate") as refused:
        await migrate(directory)
    assert refused.value.details["needed_bytes"] > 5 * free
    assert 0 < refused.value.details["free_bytes"] < 2 * free
    assert not list(directory.glob("*.before-*"))
    log.unlink(missing_ok=True)
    assert dumped(directory / DATABASE) == before
    await migrate(directory)
    assert dumped(directory / BACKUP) == before


# --- damage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["transcripts", "runs", "people", "logins"])
async def test_a_damaged_record_is_named_and_nothing_is_changed(table: str, tmp_path: Path) -> None:
    directory = unpacked(tmp_path)
    with closing(sqlite3.connect(directory / DATABASE)) as connection, connection:
        damage = f"UPDATE {table} SET body = x'7b22' WHERE rowid = 3"  # noqa: S608 - names of ours
        assert connection.execute(damage).rowcount == 1
    before = dumped(directory / DATABASE)
    with pytest.raises(Unavailable, match=f"damaged_record table={table} rowid=3"):
        await migrate(directory)
    assert dumped(directory / DATABASE) == before
