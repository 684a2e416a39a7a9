"""What a backup contains: the names in its content, how each becomes bytes of a tar, and the checksums.

The content ends with `SHA256SUMS`, in the form of sha256sum. Only what is listed there counts: a recording
that was deleted while the backup was made may stand before it, but not in it.
"""

import hashlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from therapy.adapters.local.data_directory import SECRET_FILE
from therapy.adapters.local.sqlite.database import FILE_NAME

SUMS = "SHA256SUMS"
ABOUT = "backup.json"
KEPT = "recordings/kept"
"""Where the data directory has recordings that are complete."""

CHUNK = 1024 * 1024
"""Bytes that are read and written at once."""

RECORDING = re.compile(rf"{KEPT}(?:/[A-Za-z0-9_-]{{1,128}}){{2,9}}\.audio")
"""By what `ports/recordings.py` says of ids and keys."""

SUM = re.compile(r"([0-9a-f]{64})  (.+)")


def belongs(name: str) -> bool:
    """Return whether a backup may contain a file of this name: nothing else is ever written by restoring."""
    return name in {FILE_NAME, SECRET_FILE, SUMS} or RECORDING.fullmatch(name) is not None


def kept_recordings(directory: Path) -> frozenset[str]:
    """Return the names of the data directory's complete recordings."""
    found = (directory / KEPT).rglob("*.audio")
    return frozenset(each.relative_to(directory).as_posix() for each in found)


def header(name: str, size: int) -> bytes:
    """Return the header of a file in a tar: 512 bytes for names up to 100, whatever the size is."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    """Return the zeros that follow a file of this size in a tar."""
    return bytes(-size % tarfile.BLOCKSIZE)


class TarredFiles:
    """Turns files into the bytes of a tar, one after another, and remembers their checksums."""

    def __init__(self) -> None:
        self.sums: dict[str, str] = {}

    def tarred(self, name: str, file: BinaryIO, size: int) -> Iterator[bytes]:
        """Yield the bytes of a file in a tar.

        Raises:
            EOFError: the file is shorter than `size`.
        """
        yield header(name, size)
        digest, left = hashlib.sha256(), size
        while left:
            if not (chunk := file.read(min(CHUNK, left))):
                raise EOFError(name)
            digest.update(chunk)
            left -= len(chunk)
            yield chunk
        yield padding(size)
        self.sums[name] = digest.hexdigest()

    def end(self, names: frozenset[str]) -> Iterator[bytes]:
        """Yield the checksums of these names, and the end of the tar."""
        lines = (f"{self.sums[name]}  {name}\n" for name in sorted(names))
        text = "".join(lines).encode()
        yield header(SUMS, len(text)) + text + padding(len(text))
        yield bytes(2 * tarfile.BLOCKSIZE)


def checksums_in(text: bytes) -> dict[str, str]:
    """Return the checksum of each name that is listed.

    Raises:
        ValueError: a line has another form.
    """
    sums = {}
    for line in text.decode().splitlines():
        found = SUM.fullmatch(line)
        if not found:
            raise ValueError(SUMS)
        sums[found[2]] = found[1]
    return sums
