"""The file that a backup is: written and read as a stream, with age (X25519, ChaCha20-Poly1305) if encrypted.

Each encrypted backup has a key pair of its own; `key.age` is its secret half, encrypted with the passphrase
(scrypt). age encrypts streams to keys, and only small texts with a passphrase, in the library that we use.
"""

import os
import tarfile
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import msgspec
import pyrage

from therapy.adapters.local.backup.contents import ABOUT, CHUNK, header, padding
from therapy.domain.errors import InvalidInput

FORMAT = 1
KEY, CONTENT, ENCRYPTED = "key.age", "content.tar", "content.tar.age"
LONGEST_HEAD = 64 * 1024
"""Bytes of `backup.json` and `key.age`, at most."""


class Readable(Protocol):
    """A file of which only `read` is used."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end."""
        ...


class About(msgspec.Struct, frozen=True):
    """What a backup says of itself: the program that made it, and the layout of the database in it."""

    program: str
    layout: int
    created_at: str
    encrypted: bool
    format: int = FORMAT


def refused(reason: str, **details: int) -> InvalidInput:
    """Return the error that says why a file can't be used as a backup."""
    return InvalidInput("backup", "", reason=reason, **details)


class Keys(NamedTuple):
    """The key pair of one backup, and its secret half as it is stored: encrypted with a passphrase."""

    identity: pyrage.x25519.Identity
    stored: bytes


def new_keys(passphrase: str) -> Keys:
    """Return new keys, the secret one encrypted with this passphrase: a second's work, on purpose."""
    identity = pyrage.x25519.Identity.generate()
    return Keys(identity, pyrage.passphrase.encrypt(str(identity).encode(), passphrase))


def write_file(
    file: BinaryIO, about: bytes, content: Iterable[bytes], keys: Keys | None = None
) -> None:
    """Write a backup: what it is, then the content as it comes; encrypted if there are keys."""
    _write_member(file, ABOUT, about)
    with closing(ChunkReader(content)) as reader:
        if keys is None:
            with _measured(file, CONTENT):
                while chunk := reader.read(CHUNK):
                    file.write(chunk)
        else:
            _write_member(file, KEY, keys.stored)
            with _measured(file, ENCRYPTED):
                _encrypt(reader, file, keys.identity.to_public())
    file.write(bytes(2 * tarfile.BLOCKSIZE))


def _encrypt(reader: "ChunkReader", file: BinaryIO, recipient: pyrage.x25519.Recipient) -> None:
    writer = _Writer(file)
    try:
        pyrage.encrypt_io(reader, writer, [recipient])
    except (OSError, pyrage.EncryptError):
        if failure := reader.failure or writer.failure:  # pyrage keeps only its text
            raise failure from None
        raise


class _Writer:
    """Writes to a file; `failure` is what prevented it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: BaseException | None = None

    def write(self, chunk: bytes) -> int:
        """Write all of a chunk; return its size."""
        try:
            return self._file.write(chunk)
        except BaseException as exc:
            self.failure = exc
            raise

    def flush(self) -> None:
        """Do nothing: the file is flushed once it is complete."""


def _write_member(file: BinaryIO, name: str, content: bytes) -> None:
    file.write(header(name, len(content)) + content + padding(len(content)))


@contextmanager
def _measured(file: BinaryIO, name: str) -> Iterator[None]:
    """Write a file of a size that is not known before into a tar."""
    at = file.tell()
    file.write(header(name, 0))
    yield
    size = file.tell() - at - tarfile.BLOCKSIZE
    file.write(padding(size))
    file.seek(at)
    file.write(header(name, size))
    file.seek(0, os.SEEK_END)


class ChunkReader:
    """Reads chunks as if they were a file; `failure` is what ended them early."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._chunks))
        except StopIteration:
            return b""
        except BaseException as exc:
            self.failure = exc
            raise
        part = self._rest[:size] if size >= 0 else self._rest
        self._rest = self._rest[len(part) :]
        return bytes(part)

    def close(self) -> None:
        """End what yields the chunks, which may have something to tidy up."""
        if isinstance(self._chunks, Generator):
            self._chunks.close()


def about_file(path: Path) -> About:
    """Return what a backup says of itself, without reading its content.

    Raises:
        InvalidInput: it is no backup, it was cut off, or a newer program has made it.
    """
    with path.open("rb") as file:
        return msgspec.json.decode(read_head(file).about, type=About)


class Head(msgspec.Struct, frozen=True):
    """The first part of a backup: `about` as it is stored, the encrypted key, and the content's size."""

    about: bytes
    key: bytes
    size: int


def read_head(file: BinaryIO) -> Head:
    """Return what is before the content; the file then stands at the content's first byte.

    Raises:
        InvalidInput: as `about_file`.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    about, key = b"", b""
    try:
        entry = tarfile.TarInfo.frombuf(file.read(512), "utf-8", "strict")
        if entry.name == ABOUT:
            about = _small(file, entry)
            _require_known(about)
            entry = tarfile.TarInfo.frombuf(file.read(512), "utf-8", "strict")
        if entry.name == KEY:
            key = _small(file, entry)
            entry = tarfile.TarInfo.frombuf(file.read(512), "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeError, msgspec.MsgspecError):
        raise refused("backup_damaged" if about else "not_a_backup") from None
    if not about or entry.name != (ENCRYPTED if key else CONTENT):
        raise refused("backup_damaged" if about else "not_a_backup")
    if file.tell() + entry.size > end:
        raise refused("backup_cut_off", bytes_missing=file.tell() + entry.size - end)
    return Head(about, key, entry.size)


def _small(file: BinaryIO, entry: tarfile.TarInfo) -> bytes:
    if entry.size > LONGEST_HEAD:
        raise tarfile.HeaderError(entry.name)
    content = file.read(entry.size)
    file.read(len(padding(entry.size)))
    return content


def _require_known(about: bytes) -> None:
    found = msgspec.json.decode(about, type=dict[str, object]).get("format")
    if isinstance(found, int) and found > FORMAT:
        raise refused("backup_of_a_newer_version", found=found, known=FORMAT)
    msgspec.json.decode(about, type=About)


@contextmanager
def opened_content(file: BinaryIO, head: Head, passphrase: str) -> Iterator[Readable]:
    """Yield the content, decrypted if need be, as a file that is read from its begin to its end.

    Raises:
        InvalidInput: the passphrase is wrong, missing or superfluous; or what is encrypted was changed.
    """
    if bool(passphrase) != bool(head.key):
        raise refused("backup_is_encrypted" if head.key else "backup_is_not_encrypted")
    content = LimitedReader(file, head.size)
    if not head.key:
        yield content
        return
    with _decrypted(content, _identity(head.key, passphrase)) as plain:
        yield plain


def _identity(key: bytes, passphrase: str) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(key, passphrase).decode())
    except pyrage.DecryptError as exc:
        too_costly = "xcessive work" in str(exc)
        raise refused("passphrase_too_costly" if too_costly else "wrong_passphrase") from None
    except (pyrage.IdentityError, OSError, UnicodeError):
        raise refused("wrong_passphrase") from None


@contextmanager
def _decrypted(content: Readable, identity: pyrage.x25519.Identity) -> Iterator[Readable]:
    """Yield a pipe into which a thread decrypts."""
    reading, writing = os.pipe()
    failed: list[bool] = []

    def decrypt() -> None:
        with os.fdopen(writing, "wb") as pipe:
            try:
                pyrage.decrypt_io(content, pipe, [identity])
            except (OSError, pyrage.DecryptError):
                failed.append(True)
                with suppress(OSError):
                    pipe.flush()

    thread = threading.Thread(target=decrypt, name="decryption", daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as plain:
            yield plain
            while plain.read(CHUNK):  # to the end, which age authenticates
                pass
    finally:
        thread.join()
    if failed:
        raise refused("backup_damaged")


class LimitedReader:
    """Reads the next `size` bytes of a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; b"" at the end."""
        chunk = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(chunk)
        return chunk
