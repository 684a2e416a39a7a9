"""Backups of an installation whose data is all on this machine."""

import asyncio
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from therapy.config import Settings
from therapy.domain.errors import InvalidInput
from therapy.repositories.records import Records
from therapy.wiring.stores import data_dir_of, sqlite_stores, utc_now
from therapy.workflows.abandoned_uploads import forget_lost_uploads

if TYPE_CHECKING:
    from therapy.adapters.local.backup.reading import Checked


class CheckedBackup(NamedTuple):
    """A backup in which every byte is as it was written: when which program made it, what it has."""

    created_at: str
    program: str
    layout: int
    encrypted: bool
    recordings: int


def _told(checked: "Checked") -> CheckedBackup:
    about = checked.about
    return CheckedBackup(
        about.created_at, about.program, about.layout, about.encrypted, checked.recordings
    )


def make_backup(settings: Settings, file: Path, passphrase: str) -> int:
    """Write a backup to a new file, encrypted if the passphrase is not ""; return how many recordings it has.

    Raises:
        InvalidInput: the data is not on this machine, or as the adapter's `make_backup`.
        StorageFull, Unavailable, OSError: as there.
    """
    require_local(settings)
    from therapy.adapters.local.backup import making

    return making.make_backup(
        data_dir_of(settings), file.absolute(), passphrase, version("therapy")
    )


def verify_backup(file: Path, passphrase: str) -> CheckedBackup:
    """Read a whole backup; return what it is, if every byte is as it was written.

    Raises:
        InvalidInput, OSError: as the adapter's `read_backup`.
    """
    from therapy.adapters.local.backup.reading import read_backup

    return _told(read_backup(file, passphrase))


def is_encrypted(file: Path) -> bool:
    """Return whether a backup needs a passphrase.

    Raises:
        InvalidInput, OSError: as `verify_backup`.
    """
    from therapy.adapters.local.backup.backup_file import about_file

    return about_file(file).encrypted


def restore_backup(
    settings: Settings, file: Path, directory: Path | None, passphrase: str
) -> CheckedBackup:
    """Restore a backup into an empty directory, by default the data directory; return what was restored.

    Raises:
        InvalidInput: the data is not on this machine, or as the adapter's `restore_backup`.
        StorageFull, OSError: as there.
    """
    if directory is None:
        require_local(settings)
    from therapy.adapters.local.backup import restoring

    target = directory.absolute() if directory else data_dir_of(settings)
    restored = restoring.restore_backup(file, target, passphrase)
    asyncio.run(_forget_lost_uploads(target))
    return _told(restored)


async def _forget_lost_uploads(directory: Path) -> None:
    """Remove the records of uploads whose bytes are not in backups."""
    from therapy.adapters.local.recordings import FileRecordings
    from therapy.adapters.local.sqlite.database import FILE_NAME, Database

    async with (
        Database.open(directory / FILE_NAME) as database,
        FileRecordings.open(directory / "recordings") as recordings,
    ):
        store = sqlite_stores(database).store
        records = Records(store, now=utc_now, new_id=lambda: uuid.uuid4().hex)
        await forget_lost_uploads(records=records, recordings=recordings)


def require_local(settings: Settings) -> None:
    """Raise InvalidInput unless all data of these settings is on this machine; says where it is."""
    if (settings.stores, settings.recordings) != ("local", "local"):
        reason = (
            "data_in_azure"
            if "azure" in {settings.stores, settings.recordings}
            else "data_in_plugin"
        )
        raise InvalidInput("backup", reason=reason)
