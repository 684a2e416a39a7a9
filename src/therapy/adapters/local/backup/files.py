"""Folders and disks while a backup is made or restored: a lock, room, and what is written for good."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from therapy.adapters.local.backup.backup_file import refused
from therapy.domain.errors import StorageFull

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Lock a data directory against other backups and restores; servers are not kept from anything.

    Raises:
        InvalidInput: another one is at work.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise refused("another_backup") from None
    finally:
        os.close(descriptor)


@contextmanager
def fresh_folder(folder: Path) -> Iterator[Path]:
    """Yield a new, empty folder that only its owner can read; delete it at the end."""
    shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def no_room_as_full() -> Iterator[None]:
    """Raise StorageFull where the system says that a disk or a quota is full."""
    try:
        yield
    except OSError as exc:
        if exc.errno in NO_ROOM:
            raise StorageFull from exc
        raise


def require_room(folder: Path, size: int) -> None:
    """Raise StorageFull if a disk has fewer bytes free than `size`."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise StorageFull(needed_bytes=size, free_bytes=free)


def synced(folder: Path) -> None:
    """Have the disk know which files are in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
