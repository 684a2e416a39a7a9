"""A file for players of several blocks in Blob Storage: its head comes last, and its link plays ranges."""

from datetime import timedelta

import httpx

from tests.azure.test_blob import PRACTICE, container, recordings
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.domain.upload import BLOCK_SIZE
from therapy.workflows.staged_file import StagedFile

__all__ = ["container", "recordings"]

SOUND = bytes(range(256)) * (9 * BLOCK_SIZE // 8 // 256)


async def test_a_file_whose_head_comes_last_is_whole_and_played_by_its_link(
    recordings: BlobRecordings,
) -> None:
    file = StagedFile(PRACTICE, "playback-1-2", recordings)
    for start in range(0, len(SOUND), 1 << 20):
        await file.put(start, SOUND[start : start + (1 << 20)])
    await file.put(4, b"head")
    digest = await file.keep()
    whole = SOUND[:4] + b"head" + SOUND[8:]
    assert await recordings.read(PRACTICE, "playback-1-2", 0, len(whole) + 1) == whole
    assert len(digest) == 64
    link = await recordings.playback_link(
        PRACTICE, "playback-1-2", timedelta(minutes=5), "audio/mp4"
    )
    async with httpx.AsyncClient() as player:
        part = await player.get(link, headers={"Range": f"bytes={BLOCK_SIZE - 2}-{BLOCK_SIZE + 1}"})
    assert (part.status_code, part.content) == (206, whole[BLOCK_SIZE - 2 : BLOCK_SIZE + 2])
    assert part.headers["content-type"] == "audio/mp4"
