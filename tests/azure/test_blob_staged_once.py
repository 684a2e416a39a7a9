"""Blocks of an upload of which no number is staged twice: the first has a line in the journal, all count."""

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
from therapy.domain.upload import BLOCK_SIZE

__all__ = ["container", "recordings"]


async def test_beside_its_blocks_an_upload_takes_five_requests(
    azurite: Azurite, container: ContainerClient
) -> None:
    """It writes its journal, reads it and the list of blocks, commits, and removes the journal."""
    asked: list[str] = []
    transport = Broken()
    transport.meet = asked.append
    async with opened(azurite, container, transport=transport) as recordings:
        asked.clear()
        for number in range(17):
            await recordings.stage_once(PRACTICE, UPLOAD, number, FIRST)
        await recordings.keep(PRACTICE, UPLOAD, 17, UPLOAD)
    blocks = [url for url in asked if "comp=block&" in f"{url}&"]
    assert (len(blocks), len(asked)) == (17, 22)


async def test_of_two_blocks_with_one_number_none_is_taken_for_the_other(
    recordings: BlobRecordings,
) -> None:
    await recordings.stage_once(PRACTICE, UPLOAD, 0, FIRST)
    for block in (b"one", b"another"):
        await recordings.stage_once(PRACTICE, UPLOAD, 1, block)
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 2, UPLOAD)


async def test_keep_that_broke_once_the_recording_was_there_can_be_done_again(
    azurite: Azurite, container: ContainerClient
) -> None:
    broken = Broken()
    async with opened(azurite, container, transport=broken, retry_policy=NEVER) as recordings:
        for number, block in enumerate((FIRST, LAST)):
            await recordings.stage_once(PRACTICE, UPLOAD, number, block)

        def lose(url: str) -> None:
            if "comp=blocklist" in url and "blocklisttype" not in url:
                raise ServiceRequestError("no")

        broken.after = lose
        with pytest.raises(Unavailable):
            await recordings.keep(PRACTICE, UPLOAD, 2, UPLOAD)
        broken.fix()
        assert await recordings.keep(PRACTICE, UPLOAD, 2, UPLOAD) == BLOCK_SIZE + len(LAST)
        assert await recordings.read(PRACTICE, UPLOAD, BLOCK_SIZE, 2 * BLOCK_SIZE) == LAST
    assert await names(container) == [f"practice/{PRACTICE}/{UPLOAD}"]
