"""Blocks of an upload of which no number is staged twice: only the first one has a line in the journal."""

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob.aio import ContainerClient

from tests.azure.test_blob import (
    FIRST,
    LAST,
    NEVER,
    UPLOAD,
    Broken,
    container,
    names,
    opened,
    recordings,
)
from tests.builders import PRACTICE
from tests.emulators.azurite import Azurite
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.domain.errors import NotFound, Unavailable
from therapy.domain.upload import BLOCK_SIZE, block_hash

__all__ = ["container", "recordings"]


HASHES = [block_hash(FIRST), block_hash(LAST)]


async def stage(recordings: BlobRecordings, *blocks: bytes) -> None:
    for number, block in enumerate(blocks):
        await recordings.stage_once(PRACTICE, UPLOAD, number, block, block_hash(block))


async def test_beside_its_blocks_an_upload_takes_three_requests(
    azurite: Azurite, container: ContainerClient
) -> None:
    """It writes its journal, commits, and removes the journal."""
    asked: list[str] = []
    transport = Broken()
    transport.meet = asked.append
    async with opened(azurite, container, transport=transport) as recordings:
        asked.clear()
        await stage(recordings, *[FIRST] * 17)
        await recordings.keep_once(PRACTICE, UPLOAD, [HASHES[0]] * 17, UPLOAD)
    blocks = [url for url in asked if "comp=block&" in f"{url}&"]
    assert (len(blocks), len(asked)) == (17, 20)


async def test_keep_that_broke_once_the_recording_was_there_can_be_done_again(
    azurite: Azurite, container: ContainerClient
) -> None:
    broken = Broken()
    async with opened(azurite, container, transport=broken, retry_policy=NEVER) as recordings:
        await stage(recordings, FIRST, LAST)

        def lose(url: str) -> None:
            if "comp=blocklist" in url:
                raise ServiceRequestError("no")

        broken.after = lose
        with pytest.raises(Unavailable):
            await recordings.keep_once(PRACTICE, UPLOAD, HASHES, UPLOAD)
        broken.fix()
        await recordings.keep_once(PRACTICE, UPLOAD, HASHES, UPLOAD)
        assert await recordings.size(PRACTICE, UPLOAD) == BLOCK_SIZE + len(LAST)
        assert await recordings.read(PRACTICE, UPLOAD, BLOCK_SIZE, 2 * BLOCK_SIZE) == LAST
    assert await names(container) == [f"practice/{PRACTICE}/{UPLOAD}"]


async def test_what_a_crash_leaves_without_a_journal_is_discarded_by_its_name(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    """The upload's record says the name; block 0, with which the journal comes, may be staged last."""
    await recordings.stage_once(PRACTICE, UPLOAD, 1, LAST, HASHES[1])
    await recordings.discard(PRACTICE, UPLOAD)
    with pytest.raises(NotFound):
        await recordings.keep_once(PRACTICE, UPLOAD, [HASHES[1]], UPLOAD)
    assert await names(container) == []


async def test_a_journal_that_could_not_be_written_leaves_no_block_behind_what_is_thrown_away(
    azurite: Azurite, container: ContainerClient
) -> None:
    broken = Broken()
    async with opened(azurite, container, transport=broken, retry_policy=NEVER) as recordings:

        def refuse(url: str) -> None:
            if "/staging/" in url:
                raise ServiceRequestError("no")

        broken.meet = refuse
        with pytest.raises(Unavailable):
            await recordings.stage_once(PRACTICE, UPLOAD, 0, FIRST, HASHES[0])
        broken.fix()
        await recordings.discard(PRACTICE, UPLOAD)
    assert await names(container) == []
