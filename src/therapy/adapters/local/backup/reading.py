"""Reads a backup from its begin to its end and checks everything: what `verify` and `restore` share."""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec

from therapy.adapters.local.backup.backup_file import (
    About,
    Readable,
    opened_content,
    read_head,
    refused,
)
from therapy.adapters.local.backup.contents import ABOUT, CHUNK, SUMS, belongs, checksums_in
from therapy.adapters.local.sqlite.database import FILE_NAME
from therapy.adapters.local.sqlite.migration import known_steps

LONGEST_SUMS = 1024**3
"""Bytes of the checksums, at most: of some five million recordings."""

Take = Callable[[str, Iterator[bytes]], None]
"""Takes a file of the content: its name and its bytes, all of which it must read."""


class Checked(msgspec.Struct, frozen=True):
    """A backup in which every byte is as it was written; `names` are the files in it."""

    about: About
    names: frozenset[str]
    recordings: int


def discard(_name: str, chunks: Iterator[bytes]) -> None:
    """Read a file of the content and keep nothing."""
    for _ in chunks:
        pass


def read_backup(path: Path, passphrase: str, take: Take = discard) -> Checked:
    """Read a whole backup, passing each file in it to `take`; return what it is once all is checked.

    Raises:
        InvalidInput: it is no backup, was cut off or damaged, or is of a newer program; the passphrase is
            wrong, missing or superfluous. Says which.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        head = read_head(file)
        about = msgspec.json.decode(head.about, type=About)
        if about.layout > len(known_steps()):
            raise refused("backup_of_a_newer_version", found=about.layout, known=len(known_steps()))
        sums = {ABOUT: hashlib.sha256(head.about).hexdigest()}
        with opened_content(file, head, passphrase) as content, damage_named():
            listed = _taken(content, take, sums)
    if any(sums.get(name) != checksum for name, checksum in listed.items()):
        raise refused("backup_damaged")
    if not {ABOUT, FILE_NAME} <= listed.keys():
        raise refused("backup_damaged")
    names = frozenset(listed)
    return Checked(about, names, sum(name.endswith(".audio") for name in names))


def _taken(content: Readable, take: Take, sums: dict[str, str]) -> dict[str, str]:
    """Pass each file to `take` and note its checksum in `sums`; return the listed checksums."""
    with tarfile.open(fileobj=cast("IO[bytes]", content), mode="r|", bufsize=CHUNK) as files:
        for entry in files:
            part = files.extractfile(entry)
            if part is None or not entry.isreg() or not belongs(entry.name):
                raise refused("backup_damaged")
            if entry.name == SUMS:
                if entry.size > LONGEST_SUMS:
                    raise refused("backup_damaged")
                return checksums_in(part.read())
            digest = hashlib.sha256()
            take(entry.name, _chunks(part, digest.update))
            sums[entry.name] = digest.hexdigest()
    raise refused("backup_damaged")


def _chunks(part: IO[bytes], seen: Callable[[bytes], None]) -> Iterator[bytes]:
    while chunk := part.read(CHUNK):
        seen(chunk)
        yield chunk


@contextmanager
def damage_named() -> Iterator[None]:
    """Say that a backup is damaged where its tar or its checksums can't be read."""
    try:
        yield
    except (tarfile.TarError, ValueError, EOFError):
        raise refused("backup_damaged") from None
