"""What `ports.recordings` promises of uploads and of what they become."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from itertools import product

import pytest

from therapy.domain.errors import InvalidInput, NotFound, StorageFull
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.recordings import Recordings
from therapy.testing.samples import DAY, OTHER_PRACTICE, PRACTICE

UPLOAD = "upload-1"
KEY = "session-1/recording"
FIRST = bytes(range(256)) * (BLOCK_SIZE // 256)
LAST = b"the end"

BAD_NAMES = [
    "",
    ".",
    "..",
    "a/../b",
    "/a",
    "a/",
    "a//b",
    "a.b",
    "a b",
    "a\\b",
    "a\0",
    "א",
    "x" * 129,
]


async def staged(recordings: Recordings, *blocks: bytes, upload_id: str = UPLOAD) -> None:
    for number, block in enumerate(blocks):
        await recordings.stage(PRACTICE, upload_id, number, block)


async def whole(recordings: Recordings, key: str = KEY) -> bytes:
    return await recordings.read(PRACTICE, key, 0, 10 * BLOCK_SIZE)


async def test_staged_blocks_become_a_recording(recordings: Recordings) -> None:
    await staged(recordings, FIRST, LAST)
    assert await recordings.keep(PRACTICE, UPLOAD, 2, KEY) == BLOCK_SIZE + len(LAST)
    assert await recordings.size(PRACTICE, KEY) == BLOCK_SIZE + len(LAST)
    assert await whole(recordings) == FIRST + LAST


async def test_a_block_is_staged_with_its_sha_256_or_without_any(recordings: Recordings) -> None:
    first = await recordings.stage(PRACTICE, UPLOAD, 0, FIRST)
    again = await recordings.stage(PRACTICE, UPLOAD, 0, FIRST)
    assert {first, again} <= {sha256(FIRST).digest(), None}


async def test_blocks_may_be_staged_in_any_order(recordings: Recordings) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 1, LAST)
    await recordings.stage(PRACTICE, UPLOAD, 0, FIRST)
    await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    assert await whole(recordings) == FIRST + LAST


async def test_a_block_that_is_staged_again_is_replaced(recordings: Recordings) -> None:
    await staged(recordings, FIRST, b"a longer block at first")
    await staged(recordings, bytes(BLOCK_SIZE))
    await recordings.stage(PRACTICE, UPLOAD, 1, LAST)
    assert await recordings.keep(PRACTICE, UPLOAD, 2, KEY) == BLOCK_SIZE + len(LAST)
    assert await whole(recordings) == bytes(BLOCK_SIZE) + LAST


async def test_blocks_that_are_not_asked_for_are_left_out(recordings: Recordings) -> None:
    await staged(recordings, FIRST, LAST)
    assert await recordings.keep(PRACTICE, UPLOAD, 1, KEY) == BLOCK_SIZE
    assert await whole(recordings) == FIRST


async def test_a_staged_block_can_be_read_and_stays_staged(recordings: Recordings) -> None:
    await staged(recordings, FIRST, b"a longer block at first")
    await recordings.stage(PRACTICE, UPLOAD, 1, LAST)
    assert await recordings.staged(PRACTICE, UPLOAD, 1) == LAST
    assert await recordings.staged(PRACTICE, UPLOAD, 0) == FIRST
    with pytest.raises(NotFound):
        await recordings.size(PRACTICE, UPLOAD)
    await recordings.stage(PRACTICE, UPLOAD, 1, LAST + LAST)
    assert await recordings.staged(PRACTICE, UPLOAD, 1) == LAST + LAST
    assert await recordings.keep(PRACTICE, UPLOAD, 2, UPLOAD) == BLOCK_SIZE + 2 * len(LAST)
    assert await whole(recordings, UPLOAD) == FIRST + LAST + LAST


async def test_a_block_that_was_read_can_be_discarded(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    await recordings.staged(PRACTICE, UPLOAD, 0)
    await recordings.discard(PRACTICE, UPLOAD)
    with pytest.raises(NotFound):
        await recordings.staged(PRACTICE, UPLOAD, 0)
    assert await recordings.staged_before(datetime.now(UTC) + DAY, 10) == ()


async def test_a_block_that_is_not_staged_is_not_found(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    uploads = ((PRACTICE, UPLOAD), (OTHER_PRACTICE, UPLOAD), (PRACTICE, ".."))
    for (practice_id, upload_id), number in product(uploads, (-1, 1, 7)):
        with pytest.raises(NotFound):
            await recordings.staged(practice_id, upload_id, number)
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    with pytest.raises(NotFound):
        await recordings.staged(PRACTICE, UPLOAD, 0)


async def test_nothing_is_a_recording_before_it_is_kept(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    with pytest.raises(NotFound):
        await recordings.size(PRACTICE, KEY)


async def test_keeping_forgets_the_upload(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    assert await recordings.staged_before(datetime.now(UTC) + DAY, 10) == ()
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 1, "another-key")


async def test_keeping_twice_is_no_error(recordings: Recordings) -> None:
    await staged(recordings, FIRST, LAST)
    size = await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    assert await recordings.keep(PRACTICE, UPLOAD, 2, KEY) == size
    assert await whole(recordings) == FIRST + LAST


@pytest.mark.parametrize(
    "numbers", [(), (1,), (0, 2), (2,)], ids=["none", "the first", "the second", "two"]
)
async def test_a_missing_block_keeps_nothing(
    recordings: Recordings, numbers: tuple[int, ...]
) -> None:
    blocks = (FIRST, FIRST, LAST)
    for number in numbers:
        await recordings.stage(PRACTICE, UPLOAD, number, blocks[number])
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 3, KEY)
    with pytest.raises(NotFound):
        await recordings.size(PRACTICE, KEY)
    for number in {0, 1, 2} - set(numbers):
        await recordings.stage(PRACTICE, UPLOAD, number, blocks[number])
    assert await recordings.keep(PRACTICE, UPLOAD, 3, KEY) == 2 * BLOCK_SIZE + len(LAST)


async def test_a_short_block_in_the_middle_keeps_nothing(recordings: Recordings) -> None:
    await staged(recordings, LAST, LAST)
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    with pytest.raises(NotFound):
        await recordings.size(PRACTICE, KEY)


@pytest.mark.parametrize("blocks", [0, -1])
async def test_a_recording_has_at_least_one_block(recordings: Recordings, blocks: int) -> None:
    await staged(recordings, LAST)
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, blocks, KEY)


async def test_a_discarded_upload_is_gone(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    await recordings.discard(PRACTICE, UPLOAD)
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    assert await recordings.staged_before(datetime.now(UTC) + DAY, 10) == ()


async def test_discarding_twice_is_no_error_and_touches_no_other_upload(
    recordings: Recordings,
) -> None:
    await staged(recordings, LAST)
    await staged(recordings, LAST, upload_id="upload-2")
    await recordings.discard(PRACTICE, UPLOAD)
    await recordings.discard(PRACTICE, UPLOAD)
    await recordings.discard(OTHER_PRACTICE, "upload-2")
    assert await recordings.keep(PRACTICE, "upload-2", 1, KEY) == len(LAST)


async def test_an_upload_may_begin_again_after_it_was_discarded(recordings: Recordings) -> None:
    await staged(recordings, FIRST, LAST)
    await recordings.discard(PRACTICE, UPLOAD)
    await staged(recordings, LAST)
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    assert await recordings.keep(PRACTICE, UPLOAD, 1, KEY) == len(LAST)


async def test_a_range_is_read_as_far_as_the_recording_goes(recordings: Recordings) -> None:
    await staged(recordings, FIRST, LAST)
    await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    for start, end in (
        (0, 5),
        (3, 3),
        (5, 3),
        (BLOCK_SIZE - 2, BLOCK_SIZE + 2),
        (BLOCK_SIZE + 3, 10**15),
        (10**12, 10**13),
    ):
        found = await recordings.read(PRACTICE, KEY, start, end)
        assert found == (FIRST + LAST)[start:end], (start, end)


@pytest.mark.parametrize("practice_id", [PRACTICE, OTHER_PRACTICE])
async def test_a_recording_that_is_missing_is_not_found(
    recordings: Recordings, practice_id: str
) -> None:
    await staged(recordings, LAST)
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    key = "missing" if practice_id == PRACTICE else KEY
    with pytest.raises(NotFound):
        await recordings.size(practice_id, key)
    with pytest.raises(NotFound):
        await recordings.read(practice_id, key, 0, 1)


async def test_a_deleted_recording_is_gone_and_no_other(recordings: Recordings) -> None:
    for upload_id, key in ((UPLOAD, KEY), ("upload-2", "session-1")):
        await staged(recordings, LAST, upload_id=upload_id)
        await recordings.keep(PRACTICE, upload_id, 1, key)
    await recordings.delete(PRACTICE, KEY)
    with pytest.raises(NotFound):
        await recordings.read(PRACTICE, KEY, 0, 1)
    assert await whole(recordings, "session-1") == LAST


async def test_deleting_twice_or_in_another_practice_is_no_error(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    await recordings.delete(OTHER_PRACTICE, KEY)
    assert await whole(recordings) == LAST
    await recordings.delete(PRACTICE, KEY)
    await recordings.delete(PRACTICE, KEY)


async def test_a_full_storage_takes_no_block_and_keeps_what_it_has(
    recordings: Recordings, fill_storage: Callable[[], None]
) -> None:
    await staged(recordings, FIRST)
    fill_storage()
    with pytest.raises(StorageFull):
        await recordings.stage(PRACTICE, UPLOAD, 1, LAST)
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 2, KEY)
    assert await recordings.keep(PRACTICE, UPLOAD, 1, KEY) == BLOCK_SIZE


async def test_bad_ids_are_refused(recordings: Recordings) -> None:
    for name in (*BAD_NAMES, "a/b"):
        for practice_id, upload_id in ((PRACTICE, name), (name, UPLOAD)):
            with pytest.raises(InvalidInput):
                await recordings.stage(practice_id, upload_id, 0, LAST)
            with pytest.raises(InvalidInput):
                await recordings.keep(practice_id, upload_id, 1, KEY)


async def test_bad_keys_are_refused(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    for key in (*BAD_NAMES, "a/b/c/d/e/f/g/h/i"):
        with pytest.raises(InvalidInput):
            await recordings.keep(PRACTICE, UPLOAD, 1, key)
    assert await recordings.keep(PRACTICE, UPLOAD, 1, KEY) == len(LAST)


async def test_nothing_is_under_a_bad_name(recordings: Recordings) -> None:
    for name in BAD_NAMES:
        with pytest.raises(NotFound):
            await recordings.size(PRACTICE, name)
        with pytest.raises(NotFound):
            await recordings.read(name, KEY, 0, 1)
        await recordings.delete(PRACTICE, name)
        await recordings.discard(PRACTICE, name)


async def test_uploads_whose_last_block_is_old_are_found(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    await recordings.stage(OTHER_PRACTICE, UPLOAD, 3, LAST)
    now = datetime.now(UTC)
    assert await recordings.staged_before(now - DAY, 10) == ()
    old = await recordings.staged_before(now + DAY, 10)
    assert set(old) == {(PRACTICE, UPLOAD), (OTHER_PRACTICE, UPLOAD)}
    assert len(await recordings.staged_before(now + DAY, 1)) == 1
