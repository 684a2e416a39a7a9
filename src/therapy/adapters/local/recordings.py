"""Recordings as files: first in `staging/<practice>/<upload>/`, then as `kept/<practice>/<key>.audio`.

Blocks are written at their offset into one file `audio`, which `keep` renames, so nothing is ever copied.
The file `blocks` beside it has four bytes per block: its length, written once the block is on the disk.
A block that is missing or was cut short by a crash has 0 there, whatever the file `audio` contains.
Of an upload of which no number is staged twice nothing waits for the disk until `keep`: nobody goes on with
it after a crash.
"""

import asyncio
import errno
import os
import shutil
import struct
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from therapy.domain.errors import InvalidInput, NotFound, StorageFull, Unavailable
from therapy.domain.upload import BLOCK_SIZE, block_hash
from therapy.ports.recordings import Recordings, check_names, names_fit

RESERVE = 512 * 1024 * 1024
"""Bytes that must stay free, because a full disk would stop the database, too."""

AT_ONCE = 4
"""Threads for disk operations: a slow disk must not keep anything else waiting."""

ENTRY = struct.Struct("<I")
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
T = TypeVar("T")


class FileRecordings(Recordings):
    """Stores recordings in `directory`, as long as `reserve` bytes of its disk stay free."""

    def __init__(self, directory: Path, reserve: int = RESERVE) -> None:
        self.reserve = reserve
        self._directory = directory
        self._threads = ThreadPoolExecutor(AT_ONCE, "recordings")

    @classmethod
    @asynccontextmanager
    async def open(cls, directory: Path, reserve: int = RESERVE) -> AsyncIterator["FileRecordings"]:
        """Yield the recordings; at the end wait for what was begun, and end the threads."""
        recordings = cls(directory, reserve)
        try:
            yield recordings
        finally:
            await asyncio.to_thread(recordings._threads.shutdown)

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> bytes:
        return await self._stage(_stage, practice_id, upload_id, number, block)

    async def stage_once(
        self,
        practice_id: str,
        upload_id: str,
        number: int,
        block: bytes,
        digest: bytes,  # noqa: ARG002 - a file has no use for it
    ) -> None:
        """Stage a block of an upload whose numbers are each staged once, see `SupportsStagingOnce`."""
        await self._stage(_stage_once, practice_id, upload_id, number, block)

    async def _stage(
        self,
        stage: Callable[[Path, int, bytes, int], T],
        practice_id: str,
        upload_id: str,
        number: int,
        block: bytes,
    ) -> T:
        check_names(practice_id, upload_id)
        if number < 0 or len(block) > BLOCK_SIZE:
            raise InvalidInput("block")
        staged = self._staged(practice_id, upload_id)
        return await self._in_thread(lambda: stage(staged, number, block, self.reserve))

    async def staged(self, practice_id: str, upload_id: str, number: int) -> bytes:
        if not names_fit(practice_id, upload_id) or number < 0:
            raise NotFound(upload=upload_id)
        staged = self._staged(practice_id, upload_id)
        return await self._in_thread(lambda: _staged_block(staged, number))

    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        check_names(practice_id, upload_id, key)
        staged, kept = self._staged(practice_id, upload_id), self._kept(practice_id, key)
        return await self._in_thread(lambda: _keep(staged, blocks, kept))

    async def keep_once(
        self, practice_id: str, upload_id: str, hashes: Sequence[bytes], key: str
    ) -> None:
        """Keep an upload whose numbers are each staged once, see `SupportsStagingOnce`."""
        await self.keep(practice_id, upload_id, len(hashes), key)

    async def discard(self, practice_id: str, upload_id: str) -> None:
        if names_fit(practice_id, upload_id):
            staged = self._staged(practice_id, upload_id)
            await self._in_thread(lambda: _discard(staged))

    async def size(self, practice_id: str, key: str) -> int:
        if not names_fit(practice_id, key=key):
            raise NotFound(recording=key)
        kept = self._kept(practice_id, key)
        return await self._in_thread(lambda: kept.stat().st_size)

    async def read(self, practice_id: str, key: str, start: int, end: int) -> bytes:
        if not names_fit(practice_id, key=key):
            raise NotFound(recording=key)
        kept = self._kept(practice_id, key)
        return await self._in_thread(lambda: _read(kept, max(0, start), end))

    async def delete(self, practice_id: str, key: str) -> None:
        if names_fit(practice_id, key=key):
            kept = self._kept(practice_id, key)
            await self._in_thread(lambda: _delete(kept))

    async def staged_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        staging, timestamp = self._directory / "staging", moment.timestamp()
        found = await self._in_thread(lambda: _staged_before(staging, timestamp))
        return found[: max(0, limit)]

    async def kept(self) -> AsyncIterator[tuple[str, str]]:
        """Yield every recording, see `SupportsListing`."""
        folder = self._directory / "kept"
        found = await self._in_thread(lambda: [*folder.rglob("*.audio")])
        for path in found:
            practice_id, _, key = path.relative_to(folder).as_posix().partition("/")
            yield practice_id, key.removesuffix(".audio")

    async def check(self) -> None:
        """Raise Unavailable or StorageFull if nothing can be staged now."""
        await self._in_thread(lambda: _make_room(self._directory, self.reserve))

    def _staged(self, practice_id: str, upload_id: str) -> Path:
        return self._directory / "staging" / practice_id / upload_id

    def _kept(self, practice_id: str, key: str) -> Path:
        """Return a key's path; the suffix separates the file of `a` from the folder of `a/b`."""
        return self._directory / "kept" / practice_id / f"{key}.audio"

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread, to its end even if the caller is cancelled: a discard may follow."""

        def mapped() -> T:
            try:
                return work()
            except FileNotFoundError as exc:
                raise NotFound from exc
            except OSError as exc:
                if exc.errno in NO_ROOM:
                    raise StorageFull from exc
                raise Unavailable(reason=errno.errorcode.get(exc.errno or 0, "disk")) from exc

        task = asyncio.get_running_loop().run_in_executor(self._threads, mapped)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            task.cancelled() or task.exception()  # retrieved, so that asyncio doesn't report it later
            raise


def _make_room(directory: Path, wanted: int) -> None:
    _make_folder(directory)
    if shutil.disk_usage(directory).free < wanted:
        raise StorageFull


def _stage(staged: Path, number: int, block: bytes, reserve: int) -> bytes:
    """Stage a block and return its SHA-256."""
    _make_room(staged, reserve + len(block))
    at = number * ENTRY.size
    with _opened_for_staging(staged) as (audio, entries):
        if any(entry := os.pread(entries, ENTRY.size, at)):
            if entry == ENTRY.pack(len(block)) and _is_there(audio, number, block):
                # Someone may have been told that it is safe: it never counts as missing.
                return block_hash(block)
            # While it is being replaced, the block counts as missing.
            _write(entries, ENTRY.pack(0), at)
        _write(audio, block, number * BLOCK_SIZE)
        _write(entries, ENTRY.pack(len(block)), at)
    return block_hash(block)


def _stage_once(staged: Path, number: int, block: bytes, reserve: int) -> None:
    """Stage a block without waiting for the disk."""
    _make_room(staged, reserve + len(block))
    with _opened_for_staging(staged) as (audio, entries):
        _put(audio, block, number * BLOCK_SIZE)
        if sys.platform == "linux":  # begin to write it to the disk: `keep` has less to wait for
            os.posix_fadvise(audio, number * BLOCK_SIZE, len(block), os.POSIX_FADV_DONTNEED)
        _put(entries, ENTRY.pack(len(block)), number * ENTRY.size)


def _is_there(audio: int, number: int, block: bytes) -> bool:
    return os.pread(audio, len(block), number * BLOCK_SIZE) == block


def _staged_block(staged: Path, number: int) -> bytes:
    with (staged / "blocks").open("rb") as entries:
        entry = os.pread(entries.fileno(), ENTRY.size, number * ENTRY.size)
    if not any(entry):
        raise NotFound(upload=staged.name)
    (length,) = ENTRY.unpack(entry)
    with (staged / "audio").open("rb") as audio:
        return os.pread(audio.fileno(), length, number * BLOCK_SIZE)


def _keep(staged: Path, blocks: int, kept: Path) -> int:
    audio = staged / "audio"
    if kept.exists() and not audio.exists():  # kept before
        _discard(staged)
        return kept.stat().st_size
    try:
        return _renamed(staged, blocks, kept)
    except FileNotFoundError:
        if not kept.exists():
            raise
        _discard(staged)  # another process has kept it at this moment
        return kept.stat().st_size


def _renamed(staged: Path, blocks: int, kept: Path) -> int:
    audio, entries = staged / "audio", (staged / "blocks").read_bytes()
    lengths = [length for (length,) in ENTRY.iter_unpack(entries)][: max(0, blocks)]
    if blocks < 1 or len(lengths) < blocks or not lengths[-1]:
        raise NotFound(upload=staged.name)
    if any(length != BLOCK_SIZE for length in lengths[:-1]):
        raise NotFound(upload=staged.name)
    size = int(sum(lengths))
    # Never created: it may have been renamed meanwhile.
    with _opened(audio, os.O_RDWR) as descriptor:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    _make_folder(kept.parent)
    audio.replace(kept)
    _sync_folder(kept.parent)
    _discard(staged)
    return size


def _discard(staged: Path) -> None:
    for name in ("audio", "blocks"):
        (staged / name).unlink(missing_ok=True)
    try:
        staged.rmdir()
    except FileNotFoundError:
        return
    _sync_folder(staged.parent)


def _read(kept: Path, start: int, end: int) -> bytes:
    with kept.open("rb") as recording:
        size = os.fstat(recording.fileno()).st_size
        recording.seek(min(start, size))
        return recording.read(max(0, min(end, size) - start))


def _delete(kept: Path) -> None:
    if kept.exists():
        kept.unlink(missing_ok=True)
        _sync_folder(kept.parent)


def _staged_before(staging: Path, timestamp: float) -> tuple[tuple[str, str], ...]:
    found = []
    for upload in staging.glob("*/*"):
        try:
            entries = upload / "blocks"
            at = (entries if entries.exists() else upload).stat().st_mtime
        except FileNotFoundError:  # discarded or kept at this moment
            continue
        if at < timestamp:
            found.append((at, (upload.parent.name, upload.name)))
    return tuple(upload for _, upload in sorted(found))


@contextmanager
def _opened(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _opened_for_staging(staged: Path) -> Iterator[tuple[int, int]]:
    """Open an upload's `audio` and `blocks`; if they are new, their folder is on the disk first."""
    fresh = not (staged / "blocks").exists()
    with _opened(staged / "audio") as audio, _opened(staged / "blocks") as entries:
        if fresh:
            _sync_folder(staged)
        yield audio, entries


def _write(descriptor: int, content: bytes, at: int) -> None:
    _put(descriptor, content, at)
    os.fsync(descriptor)


def _put(descriptor: int, content: bytes, at: int) -> None:
    left = memoryview(content)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written


def _make_folder(folder: Path) -> None:
    """Create the folder and its parents, and sync each to the disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
