"""Recordings as files: what a crash leaves, what is on the disk, and how much memory it takes."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import PRACTICE
from tests.local.writer import block
from therapy.adapters.local.recordings import FileRecordings
from therapy.domain.errors import NotFound, StorageFull
from therapy.domain.upload import BLOCK_SIZE, block_hash

ROOT = Path(__file__).resolve().parents[2]
UPLOAD = "upload-1"
KEY = "session-1/recording"


@pytest.fixture
def recordings(tmp_path: Path) -> FileRecordings:
    return FileRecordings(tmp_path / "data", reserve=0)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let writes fail beyond a size: with EFBIG where a full disk says ENOSPC, at the same place."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def files(tmp_path: Path) -> list[str]:
    return sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file())


async def test_a_block_is_staged_with_its_hash_also_if_it_was_there(
    recordings: FileRecordings,
) -> None:
    for _ in range(2):
        assert await recordings.stage(PRACTICE, UPLOAD, 0, b"sound") == block_hash(b"sound")


async def test_nothing_of_an_upload_is_left_once_it_is_kept(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, b"sound")
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    assert files(tmp_path) == ["data/kept/practice-1/session-1/recording.audio"]
    assert list((tmp_path / "data/staging/practice-1").iterdir()) == []


async def test_recordings_are_for_their_owner_only(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, b"sound")
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    for each in (tmp_path / "data").rglob("*"):
        assert each.stat().st_mode & 0o077 == 0, each


async def test_keeping_renames_and_copies_nothing(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, block(0))
    staged = (tmp_path / "data/staging/practice-1/upload-1/audio").stat().st_ino
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    assert (tmp_path / f"data/kept/practice-1/{KEY}.audio").stat().st_ino == staged


def killed_after(lines: int, directory: Path, upload_id: str) -> int:
    """Let a child stage blocks, kill it after so many; gives how many it said were staged."""
    command = [sys.executable, "-m", "tests.local.writer", "stage", str(directory), upload_id]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(lines):
            child.stdout.readline()
        child.kill()
        return lines + len(child.stdout.read().splitlines())


@pytest.mark.slow
async def test_blocks_that_were_acknowledged_outlive_a_kill(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    for lines, upload_id in ((2, "first"), (7, "second")):
        said = killed_after(lines, tmp_path / "data", upload_id)
        whole = said - 1  # the last one may have been half replaced when the kill came
        assert await recordings.keep(PRACTICE, upload_id, whole, upload_id) == whole * BLOCK_SIZE
        for number in range(whole):
            start = number * BLOCK_SIZE
            stored = await recordings.read(PRACTICE, upload_id, start, start + BLOCK_SIZE)
            assert stored == block(number)


async def test_a_block_that_is_half_replaced_is_missing(recordings: FileRecordings) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, block(0))
    with files_of_at_most(BLOCK_SIZE // 2), pytest.raises(StorageFull):
        await recordings.stage(PRACTICE, UPLOAD, 0, block(1))
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    await recordings.stage(PRACTICE, UPLOAD, 0, block(1))
    assert await recordings.keep(PRACTICE, UPLOAD, 1, KEY) == BLOCK_SIZE


async def test_a_crash_right_after_the_rename_is_finished_by_keeping_again(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, b"sound")
    staged, kept = tmp_path / "data/staging/practice-1/upload-1", tmp_path / "data/kept/practice-1"
    kept.mkdir(parents=True)
    (staged / "audio").rename(kept / "key.audio")
    assert await recordings.keep(PRACTICE, UPLOAD, 1, "key") == 5
    assert not staged.exists()


async def test_who_keeps_an_upload_while_another_does_finds_it_kept_and_whole(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, b"sound")
    staged = tmp_path / "data/staging" / PRACTICE / UPLOAD
    blocks, kept = staged / "blocks", tmp_path / "data/kept" / PRACTICE / f"{KEY}.audio"
    entries = blocks.read_bytes()
    blocks.unlink()
    os.mkfifo(blocks)
    second = asyncio.create_task(recordings.keep(PRACTICE, UPLOAD, 1, KEY))
    pipe = await asyncio.to_thread(os.open, blocks, os.O_WRONLY)  # the second reads which there are
    kept.parent.mkdir(parents=True)
    (staged / "audio").rename(kept)  # as the first does
    os.write(pipe, entries)
    os.close(pipe)
    assert await second == len(b"sound")
    assert kept.read_bytes() == b"sound"
    assert files(tmp_path) == [str(kept.relative_to(tmp_path))]


async def test_an_upload_without_a_whole_block_is_found_by_the_sweep(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    (tmp_path / "data/staging/practice-1/upload-1").mkdir(parents=True)
    later = datetime.now(UTC) + timedelta(days=1)
    assert await recordings.staged_before(later, 10) == ((PRACTICE, UPLOAD),)
    await recordings.discard(PRACTICE, UPLOAD)
    assert await recordings.staged_before(later, 10) == ()


async def test_staged_uploads_come_oldest_first(recordings: FileRecordings, tmp_path: Path) -> None:
    for at, upload_id in enumerate(("b", "c", "a")):
        await recordings.stage(PRACTICE, upload_id, 0, b"sound")
        entries = tmp_path / "data/staging/practice-1" / upload_id / "blocks"
        os.utime(entries, (at * 60, at * 60))
    found = await recordings.staged_before(datetime.fromtimestamp(90, UTC), 10)
    assert [upload_id for _, upload_id in found] == ["b", "c"]


async def test_the_reserve_stays_free(tmp_path: Path) -> None:
    full = FileRecordings(tmp_path, reserve=2**62)
    with pytest.raises(StorageFull):
        await full.stage(PRACTICE, UPLOAD, 0, b"sound")
    with pytest.raises(StorageFull):
        await full.check()
    assert files(tmp_path) == []
    await FileRecordings(tmp_path, reserve=0).check()


async def test_a_disk_that_fills_up_meanwhile_is_storage_full(recordings: FileRecordings) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, block(0))
    with files_of_at_most(BLOCK_SIZE + 1_000), pytest.raises(StorageFull):
        await recordings.stage(PRACTICE, UPLOAD, 1, block(1))
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    assert await recordings.keep(PRACTICE, UPLOAD, 1, KEY) == BLOCK_SIZE


async def test_a_cancelled_block_is_over_before_anything_else_happens(
    recordings: FileRecordings, tmp_path: Path
) -> None:
    for turns in range(4):
        staging = asyncio.ensure_future(recordings.stage(PRACTICE, UPLOAD, 0, block(0)))
        for _ in range(turns):
            await asyncio.sleep(0)
        staging.cancel()
        await asyncio.wait([staging])
        await recordings.discard(PRACTICE, UPLOAD)
        assert files(tmp_path) == []


async def test_a_block_that_is_staged_again_as_it_is_never_counts_as_missing(
    tmp_path: Path,
) -> None:
    """Else a kill between the two writes would lose it, although somebody was told that it is safe."""
    async with FileRecordings.open(tmp_path, 0) as recordings:
        await recordings.stage(PRACTICE, "upload-1", 0, b"a" * BLOCK_SIZE)
        entries = tmp_path / "staging" / PRACTICE / "upload-1" / "blocks"
        before = entries.stat().st_mtime_ns
        await recordings.stage(PRACTICE, "upload-1", 0, b"a" * BLOCK_SIZE)
        assert entries.stat().st_mtime_ns == before
        await recordings.stage(PRACTICE, "upload-1", 0, b"b" * BLOCK_SIZE)
        assert entries.stat().st_mtime_ns > before
        assert await recordings.staged(PRACTICE, "upload-1", 0) == b"b" * BLOCK_SIZE


async def test_an_upload_whose_blocks_are_staged_once_waits_for_the_disk_once_before_it_is_kept(
    recordings: FileRecordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, to_disk, recordings_folder = list[str](), os.fsync, tmp_path / "data"

    def watched(descriptor: int) -> None:
        file = os.fstat(descriptor).st_ino
        there = (path for path in recordings_folder.rglob("*") if path.stat().st_ino == file)
        synced.extend(str(path.relative_to(recordings_folder)) for path in there)
        to_disk(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    for number in range(3):
        await recordings.stage_once(PRACTICE, "u", number, block(number), block_hash(block(number)))
    uploaded = f"staging/{PRACTICE}/u/audio"
    assert {uploaded, f"staging/{PRACTICE}/u/blocks"}.isdisjoint(synced)
    await recordings.keep_once(PRACTICE, "u", [block_hash(block(each)) for each in range(3)], "key")
    assert synced.index(uploaded) < synced.index(f"kept/{PRACTICE}")
    kept = await recordings.read(PRACTICE, "key", 0, 3 * BLOCK_SIZE)
    assert kept == b"".join(map(block, range(3)))
