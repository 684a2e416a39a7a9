"""Makes a backup of a data directory, also while servers and workers use it.

The recordings are copied first. Then the database is read as it is at a moment at which exactly those
recordings are there: so every session in the backup has its recordings, and every recording its session.
"""

import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from therapy.adapters.local.backup.backup_file import About, new_keys, refused, write_file
from therapy.adapters.local.backup.contents import ABOUT, TarredFiles, kept_recordings
from therapy.adapters.local.backup.files import (
    fresh_folder,
    locked,
    no_room_as_full,
    require_room,
    synced,
)
from therapy.adapters.local.data_directory import SECRET_FILE
from therapy.adapters.local.sqlite.database import BACKUP_FOLDER, FILE_NAME, mapped

MOST_TRIES = 1_000
"""How often recordings that came or were deleted meanwhile are looked for, at most."""


PATIENCE_SECONDS = 60.0
"""How long to wait for whoever locks the database, such as a migration."""

FILES = (FILE_NAME, f"{FILE_NAME}-wal")


def make_backup(directory: Path, file: Path, passphrase: str, program: str) -> int:
    """Write a backup of the data directory to a new file; return how many recordings are in it.

    Nothing is left of a backup that fails. `program` is the version that makes it.

    Raises:
        InvalidInput: there is a file already, or nothing to back up, or another backup is being made.
        StorageFull: a disk has no room: for the backup, or for a copy of the database beside it.
        Unavailable, OSError: the directory can't be read, or the file can't be written.
    """
    if file.exists():
        raise refused("backup_file_exists")
    if not (directory / FILE_NAME).exists():
        raise refused("nothing_to_back_up")
    with no_room_as_full(), locked(directory), _unfinished(file) as writing:
        _require_room(directory, file)
        made = Content(directory)
        keys = new_keys(passphrase) if passphrase else None
        write_file(writing, made.about(program, encrypted=bool(keys)), made, keys)
    return made.recordings


class Content:
    """The content of a backup, as an iterable of bytes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.files = TarredFiles()
        self.recordings = 0

    def about(self, program: str, *, encrypted: bool) -> bytes:
        """Return what the backup says of itself, and remember its checksum."""
        layout = _layout(self._directory / FILE_NAME)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        about = msgspec.json.encode(About(program, layout, now, encrypted))
        for _ in self.files.tarred(ABOUT, BytesIO(about), len(about)):
            pass
        return about

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes of the content."""
        with fresh_folder(self._directory / BACKUP_FOLDER) as folder:
            copy = folder / FILE_NAME
            with closing(_opened(self._directory / FILE_NAME)) as database:
                recordings = yield from self._until_consistent(database)
                copied = _copied(database, copy)
            with copied:
                yield from self._tarred(FILE_NAME, copied)
        names = {ABOUT, FILE_NAME, *recordings}
        with suppress(FileNotFoundError), (self._directory / SECRET_FILE).open("rb") as secret:
            yield from self._tarred(SECRET_FILE, secret)
            names.add(SECRET_FILE)
        self.recordings = len(recordings)
        yield from self.files.end(frozenset(names))

    def _until_consistent(
        self, database: sqlite3.Connection
    ) -> Generator[bytes, None, frozenset[str]]:
        """Yield recordings until a transaction sees the moment that they are of; return their names."""
        for _ in range(MOST_TRIES):
            names = kept_recordings(self._directory)
            yield from self._new_ones(names)
            with mapped():
                database.execute("BEGIN")
                database.execute("SELECT 1 FROM sqlite_master LIMIT 1")  # only now it has begun
            if names == kept_recordings(self._directory):
                break
            database.execute("ROLLBACK")
        return names & self.files.sums.keys()

    def _new_ones(self, names: frozenset[str]) -> Iterator[bytes]:
        """Yield the recordings that have not been yielded before, unless they are deleted meanwhile."""
        for name in sorted(names - self.files.sums.keys()):
            with suppress(FileNotFoundError), (self._directory / name).open("rb") as recording:
                yield from self._tarred(name, recording)

    def _tarred(self, name: str, file: BinaryIO) -> Iterator[bytes]:
        return self.files.tarred(name, file, os.fstat(file.fileno()).st_size)


def _opened(path: Path) -> sqlite3.Connection:
    with mapped():
        return sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)


def _layout(path: Path) -> int:
    with mapped(), closing(_opened(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def _copied(database: sqlite3.Connection, target: Path) -> BinaryIO:
    """Copy the database as the open transaction sees it, then end that; return the copy, without a name.

    While it has a name the transaction is open, for which an erasure waits: so one that ends leaves no copy.
    """
    target.touch(mode=0o600)
    with mapped():
        with closing(sqlite3.connect(target)) as copy:
            database.backup(copy)
        copied = target.open("rb")
        target.unlink()
        database.execute("ROLLBACK")
    return copied


def _require_room(directory: Path, file: Path) -> None:
    """Raise StorageFull if the backup can't fit, or the copy of the database."""
    database = sum(_size(directory / name) for name in FILES)
    recordings = sum(_size(directory / name) for name in kept_recordings(directory))
    same = directory.stat().st_dev == file.parent.stat().st_dev
    require_room(file.parent, recordings + database * (2 if same else 1))
    if not same:
        require_room(directory, database)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _unfinished(file: Path) -> Iterator[BinaryIO]:
    """Yield a file that gets its name once it is complete; it is deleted if that fails."""
    part = file.with_name(f"{file.name}.part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as writing:
            yield writing
            writing.flush()
            os.fsync(descriptor)
        if file.exists():
            raise refused("backup_file_exists")
        part.replace(file)
        synced(file.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
