"""`therapy backup` and `therapy restore`: the data of one machine in one file, and back."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import rich_click as click

from therapy.entrypoints.cli.environment import settings_of_this_machine, settings_with_data
from therapy.entrypoints.cli.interruption import doing
from therapy.entrypoints.cli.passphrase_options import asked_for, passphrase_options
from therapy.entrypoints.cli.terminal import answers, asides

if TYPE_CHECKING:
    from therapy.wiring.backups import CheckedBackup

T = TypeVar("T")

PLAIN = "warning: this backup is not encrypted: whoever has the file can read everything in it"

SHORTEST = 12
"""Characters of a passphrase for a new backup: who has the file can try as many as they like."""

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_file
@click.option("--verify", is_flag=True, help="Read a backup and check every byte of it; make none.")
@passphrase_options("Encrypt with a passphrase, or verify what was encrypted.", twice=True)
def backup(*, file: Path, verify: bool, passphrase: str) -> None:
    """Write all data of this machine to one new file, also while servers and workers run; or verify one.

    In it are the database, the recordings and the signing secret as they are at one moment: every session
    that was there when the backup began. Uploads that are not complete, letters and pushes in files, and
    settings are not. With a passphrase the file is encrypted (age); without it nobody can read it again.
    Every file in it has a checksum.

    \b
    [bold]Examples[/]
      [cyan]therapy backup /mnt/usb/practice.backup --passphrase-prompt[/]
      [cyan]therapy backup --verify /mnt/usb/practice.backup --passphrase-prompt[/]

    [bold]You see[/] how many files of recordings and playback are in the backup, and how large it is. If it
    fails, no file is left.
    """
    if verify:
        checked = _verified(file, passphrase)
        answers().print(f"Every checksum is right. {_in_words(checked)}", soft_wrap=True)
        return
    from therapy.wiring.backups import make_backup

    settings = settings_with_data()
    if not passphrase:
        click.echo(PLAIN, err=True)
    elif len(passphrase) < SHORTEST:
        raise click.UsageError(
            f"the passphrase is shorter than {SHORTEST} characters: whoever finds the file could guess it"
        )
    number = _worked(
        "backing up", "no file is left", lambda: make_backup(settings, file, passphrase)
    )
    size = file.stat().st_size
    answers().print(
        f"{file}: the database and {number:,} files of recordings and playback, {size:,} bytes.",
        soft_wrap=True,
        markup=False,
    )


@click.command()
@_file
@click.argument("directory", required=False, type=click.Path(file_okay=False, path_type=Path))
@passphrase_options("For a backup that is encrypted.", twice=False)
def restore(*, file: Path, directory: Path | None, passphrase: str) -> None:
    """Restore a backup into an empty directory: everything in it, or nothing.

    Without DIRECTORY it is the data directory of these settings. Stop servers that use it first. What was
    erased after the backup was made is there again: erase it again.

    \b
    [bold]Examples[/]
      [cyan]therapy restore /mnt/usb/practice.backup --passphrase-prompt[/]
      [cyan]therapy restore practice.backup /srv/therapy-restored[/]

    [bold]You see[/] when the backup was made and how many files of recordings and playback were restored. If
    it fails, the directory is as empty as before.
    """
    from therapy.wiring.backups import require_local, restore_backup

    settings = settings_of_this_machine("stores", "recordings")
    if directory is None:
        require_local(settings)
    given = passphrase or _asked(file)
    checked = _worked(
        "restoring",
        "the directory is as empty as before",
        lambda: restore_backup(settings, file, directory, given),
    )
    console = answers()
    console.print(f"Restored. {_in_words(checked)}", soft_wrap=True)
    if directory:
        console.print(
            f"To use it: THERAPY_DATA_DIR={directory.absolute()}", soft_wrap=True, markup=False
        )


def _verified(file: Path, passphrase: str) -> "CheckedBackup":
    from therapy.wiring.backups import verify_backup

    given = passphrase or _asked(file)
    return _worked("verifying", "nothing was changed", lambda: verify_backup(file, given))


def _asked(file: Path) -> str:
    """Return the passphrase that somebody types, if the backup needs one and somebody can; else ""."""
    from therapy.wiring.backups import is_encrypted

    if not is_encrypted(file) or not sys.stdin.isatty():
        return ""
    return asked_for(twice=False)


def _worked(what: str, left: str, work: Callable[[], T]) -> T:
    with doing(what, left), asides().status(what):
        return work()


def _in_words(found: "CheckedBackup") -> str:
    kind = "encrypted" if found.encrypted else "not encrypted"
    return (
        f"Made {found.created_at} by version {found.program}, {kind}: the database (layout {found.layout})"
        f" and {found.recordings:,} files of recordings and playback."
    )
