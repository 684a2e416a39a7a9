"""Restores a backup into an empty data directory: everything, or nothing.

The files are written to a folder of their own and moved to their places once every checksum is right; the
database comes last, so that no program takes an incomplete directory for a complete one.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from therapy.adapters.local.backup.backup_file import refused
from therapy.adapters.local.backup.contents import ABOUT, KEPT
from therapy.adapters.local.backup.files import (
    fresh_folder,
    locked,
    no_room_as_full,
    require_room,
    synced,
)
from therapy.adapters.local.backup.reading import Checked, read_backup
from therapy.adapters.local.data_directory import SECRET_FILE
from therapy.adapters.local.sqlite.database import FILE_NAME

IN_PROGRESS = "restore-in-progress"
"""The folder in the data directory to which files are restored before they are checked."""

MOVED = (Path(KEPT).parts[0], SECRET_FILE)
"""What is moved from there before the database."""


def restore_backup(file: Path, directory: Path, passphrase: str) -> Checked:
    """Restore a backup into a directory, which is created if it is missing; return what was restored.

    If this fails, the directory is as empty as before.

    Raises:
        InvalidInput: the directory is not empty; or as `read_backup`.
        StorageFull: the disk has no room for what is in the backup.
        OSError: the file can't be read, or the directory can't be written.
    """
    size = file.stat().st_size
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with no_room_as_full(), locked(directory):
        _remove_moved(directory)
        _require_empty(directory)
        require_room(directory, size)
        with fresh_folder(directory / IN_PROGRESS) as folder:
            checked = read_backup(file, passphrase, Writer(folder))
            _require_empty(directory)
            _move(folder, directory, checked.names)
    return checked


class Writer:
    """Writes files of a backup into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, chunks: Iterator[bytes]) -> None:
        """Write a file; it is on the disk when this returns."""
        path = self._folder / name
        _make_folders(self._folder, path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as written:
            for chunk in chunks:
                written.write(chunk)
            written.flush()
            os.fsync(descriptor)


def _make_folders(top: Path, folder: Path) -> None:
    for each in (*reversed(folder.relative_to(top).parents), folder.relative_to(top)):
        (top / each).mkdir(mode=0o700, exist_ok=True)


def _remove_moved(directory: Path) -> None:
    """Remove what a restore has moved to its place that was killed before it had moved everything."""
    left = directory / IN_PROGRESS
    if not left.exists() or (directory / FILE_NAME).exists():
        return
    for name in MOVED:
        moved = directory / name
        if moved.is_dir() and not (left / name).exists():
            shutil.rmtree(moved)
        elif moved.exists() and not (left / name).exists():
            moved.unlink()


def _require_empty(directory: Path) -> None:
    """Raise InvalidInput if anything is in the directory but what a restore left that was killed."""
    if any(each.name != IN_PROGRESS for each in directory.iterdir()):
        raise refused("directory_not_empty")


def _move(folder: Path, directory: Path, names: frozenset[str]) -> None:
    """Move what is listed to its place; delete the rest, which was deleted while the backup was made."""
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        if path.relative_to(folder).as_posix() not in names - {ABOUT}:
            path.unlink()
    for path in folder.rglob("*"):
        if path.is_dir():
            synced(path)
    for each in folder.iterdir():
        if each.name != FILE_NAME:
            each.rename(directory / each.name)
    (directory / Path(KEPT).parts[0]).mkdir(mode=0o700, exist_ok=True)
    synced(directory)
    (folder / FILE_NAME).rename(directory / FILE_NAME)
    synced(directory)
