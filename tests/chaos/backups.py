"""A backup and a restore that are killed before each operation on a file: there is all of it, or none."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from tests import forked
from tests.chaos.families import Place
from tests.chaos.file_steps import noting, watch
from tests.chaos.steps import Process
from tests.chaos.trials import TRACE, Laboratory, Trial, lines_of
from tests.chaos.worlds import a_world
from tests.file_search import files_below
from therapy.adapters.local.backup.making import make_backup
from therapy.adapters.local.backup.reading import read_backup
from therapy.adapters.local.backup.restoring import restore_backup
from therapy.adapters.local.sqlite.database import BACKUP_FOLDER, FILE_NAME
from therapy.domain.session import State
from therapy.workflows.inconsistencies import Inspection

BEGUN = Trial("submit", "local")
"""What is backed up: a place with a session in review."""

Work = Callable[[Path], object]
BACKUP, DATA, RESTORED = "practice.backup", "place", "restored"


def back_up(folder: Path) -> None:
    make_backup(folder / DATA, folder / BACKUP, "", "1.0")


def restore(folder: Path) -> None:
    restore_backup(folder / BACKUP, folder / RESTORED, "")


WORKS: dict[str, Work] = {"backup": back_up, "restore": restore}


async def operations(name: str, laboratory: Laboratory) -> int:
    """Return how many operations on files a backup or a restore takes."""
    async with laboratory.begun_place(BEGUN) as (place, _):
        folder = place.directory.parent
        _prepare(name, folder)
        code = await asyncio.to_thread(forked.run, _dying, name, folder, -1)
        assert code == 0, f"it ended with {code}"
        return len(lines_of(folder / TRACE))


async def killed(name: str, at: int, laboratory: Laboratory) -> None:
    """Kill a backup or a restore before an operation, do it again, and see that it is whole.

    Raises:
        AssertionError: something is missing, or left over.
    """
    async with laboratory.begun_place(BEGUN) as (place, moment):
        folder = place.directory.parent
        _prepare(name, folder)
        code = await asyncio.to_thread(forked.run, _dying, name, folder, at)
        assert code == -signal.SIGKILL, f"it ended with {code}"
        await asyncio.to_thread(_again, folder)
        assert _left_over(folder) == [], f"{name} was killed before operation {at}"
        restored = Place("local", folder / RESTORED)
        async with a_world(restored, moment, Process()) as world:
            (item,) = [
                each async for each in world.bare.records.store.walk() if each.id == "session"
            ]
            session = world.bare.records.sessions.read(item)
            assert session.state is State.AWAITING_REVIEW
            records, ports = world.bare.records, world.bare.ports
            found = await Inspection(records, ports.recordings, ports.session_index).find()
            assert found == (), found


def _prepare(name: str, folder: Path) -> None:
    if name == "restore":
        back_up(folder)


def _again(folder: Path) -> None:
    """Do what the dead process did not complete."""
    if not (folder / BACKUP).exists():
        back_up(folder)
    assert read_backup(folder / BACKUP, "").recordings == 1
    if not (folder / RESTORED / FILE_NAME).exists():
        restore(folder)


def _left_over(folder: Path) -> list[str]:
    names = {"restore-in-progress", BACKUP_FOLDER}
    found = [path.relative_to(folder) for path in files_below(folder)]
    return [str(each) for each in found if each.suffix == ".part" or names & {*each.parts}]


def _dying(name: str, folder: Path, die_at: int) -> None:
    """Back up or restore, in a process that is killed."""
    watch(folder, die_at, noting(folder / TRACE))
    WORKS[name](folder)
