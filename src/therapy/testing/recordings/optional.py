"""What `ports.recordings` promises of what is optional: staging once, listing, `check` and `examine`."""

from asyncio import gather
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from therapy.domain.errors import NotFound
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.recordings import Recordings, SupportsListing, SupportsStagingOnce
from therapy.testing.optional_promises import (
    CutOff,
    ask_what_is_cut_off,
    ask_what_is_full,
    ask_what_is_well,
)
from therapy.testing.recordings.uploads import FIRST, KEY, LAST, UPLOAD, staged, whole
from therapy.testing.samples import DAY, OTHER_PRACTICE, PRACTICE


async def test_every_recording_is_listed_once_and_no_upload(recordings: Recordings) -> None:
    if not isinstance(recordings, SupportsListing):
        pytest.skip("these recordings can't be listed")
    wanted = {(PRACTICE, KEY), (PRACTICE, f"{KEY}/part"), (OTHER_PRACTICE, KEY)}
    assert [each async for each in recordings.kept()] == []
    for practice_id, key in wanted:
        await recordings.stage(practice_id, UPLOAD, 0, LAST)
        assert [each async for each in recordings.kept() if each == (practice_id, key)] == []
        await recordings.keep(practice_id, UPLOAD, 1, key)
    found = [each async for each in recordings.kept()]
    assert len(found) == len(wanted)
    assert set(found) == wanted
    await recordings.delete(PRACTICE, KEY)
    assert {each async for each in recordings.kept()} == wanted - {(PRACTICE, KEY)}


def hashes(*blocks: bytes) -> list[bytes]:
    return [sha256(block).digest() for block in blocks]


async def staged_once(recordings: SupportsStagingOnce, *blocks: bytes) -> None:
    for number, digest in enumerate(hashes(*blocks)):
        await recordings.stage_once(PRACTICE, UPLOAD, number, blocks[number], digest)


@pytest.mark.parametrize("key", [UPLOAD, KEY])
async def test_blocks_of_numbers_that_come_once_are_staged_in_any_order_and_at_once(
    recordings: Recordings, key: str
) -> None:
    if not isinstance(recordings, SupportsStagingOnce):
        pytest.skip("these recordings stage all blocks the same way")
    blocks = [bytes([number]) * BLOCK_SIZE for number in range(3)] + [LAST]
    named = hashes(*blocks)
    await gather(
        *(
            recordings.stage_once(PRACTICE, UPLOAD, number, blocks[number], named[number])
            for number in (2, 3, 0, 1)
        )
    )
    now = datetime.now(UTC)
    assert await recordings.staged_before(now - DAY, 10) == ()
    assert await recordings.staged_before(now + DAY, 10) == ((PRACTICE, UPLOAD),)
    for _ in range(2):  # an answer may be lost
        await recordings.keep_once(PRACTICE, UPLOAD, named, key)
        assert await recordings.staged_before(now + DAY, 10) == ()
        assert await recordings.size(PRACTICE, key) == 3 * BLOCK_SIZE + len(LAST)
        assert await whole(recordings, key) == b"".join(blocks)


async def test_an_upload_of_numbers_that_come_once_is_not_kept_while_a_block_is_missing(
    recordings: Recordings,
) -> None:
    if not isinstance(recordings, SupportsStagingOnce):
        pytest.skip("these recordings stage all blocks the same way")
    await staged_once(recordings, FIRST)
    for missing in (hashes(FIRST, LAST), []):
        with pytest.raises(NotFound):
            await recordings.keep_once(PRACTICE, UPLOAD, missing, KEY)
        with pytest.raises(NotFound):
            await recordings.size(PRACTICE, KEY)
        left = await recordings.staged_before(datetime.now(UTC) + DAY, 10)
        assert left == ((PRACTICE, UPLOAD),)
    await recordings.keep_once(PRACTICE, UPLOAD, hashes(FIRST), KEY)
    assert await whole(recordings) == FIRST


async def test_blocks_of_numbers_that_come_once_can_be_discarded(recordings: Recordings) -> None:
    if not isinstance(recordings, SupportsStagingOnce):
        pytest.skip("these recordings stage all blocks the same way")
    await staged_once(recordings, FIRST, FIRST)
    await recordings.discard(PRACTICE, UPLOAD)
    with pytest.raises(NotFound):
        await recordings.keep_once(PRACTICE, UPLOAD, hashes(FIRST), KEY)
    assert await recordings.staged_before(datetime.now(UTC) + DAY, 10) == ()


# --- checks --------------------------------------------------------------------------------------


async def test_a_check_of_recordings_changes_none_and_no_upload(recordings: Recordings) -> None:
    await staged(recordings, LAST)
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    await staged(recordings, FIRST, upload_id="upload-2")
    await ask_what_is_well(recordings)
    assert await whole(recordings) == LAST
    later = datetime.now(UTC) + DAY
    assert await recordings.staged_before(later, 10) == ((PRACTICE, "upload-2"),)
    assert await recordings.keep(PRACTICE, "upload-2", 1, "another") == BLOCK_SIZE
    if isinstance(recordings, SupportsListing):
        wanted = {(PRACTICE, KEY), (PRACTICE, "another")}
        assert {each async for each in recordings.kept()} == wanted


async def test_a_check_tells_of_recordings_that_are_out_of_reach(
    recordings: Recordings, cut_off: CutOff | None
) -> None:
    await staged(recordings, LAST)
    await ask_what_is_cut_off(recordings, cut_off)


async def test_a_check_of_recordings_without_room_never_says_that_they_are_out_of_reach(
    recordings: Recordings, fill_storage: Callable[[], None]
) -> None:
    """What is stored can be read and played; not every service knows of its room before a block comes."""
    await staged(recordings, LAST)
    await recordings.keep(PRACTICE, UPLOAD, 1, KEY)
    await ask_what_is_full(recordings, fill_storage)
    assert await whole(recordings) == LAST
