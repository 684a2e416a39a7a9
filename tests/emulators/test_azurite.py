"""Azurite against the real SDK: blocks, ranges, conditions and links, as the adapter uses them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("azure.storage.blob")

import aiohttp
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from tests.emulators.azurite import ACCOUNT, KEY, Azurite

pytestmark = pytest.mark.emulator
NAMES = (f"container{number}" for number in itertools.count())


@pytest.fixture
async def container(azurite: Azurite) -> AsyncIterator[ContainerClient]:
    client = BlobServiceClient.from_connection_string(azurite.connection_string, retry_total=0)
    async with client:
        made = await client.create_container(next(NAMES))
        yield made
        await made.delete_container()


async def test_blocks_are_nothing_until_they_are_committed(container: ContainerClient) -> None:
    blob = container.get_blob_client("recording")
    for number in range(3):
        await blob.stage_block(f"{number:04}", bytes([number]) * 1000)
    assert not await blob.exists()
    _, staged = await blob.get_block_list("uncommitted")
    assert [block.id for block in staged] == ["0000", "0001", "0002"]
    await blob.commit_block_list(
        [BlobBlock(f"{number:04}") for number in range(3)], metadata={"sha256": "abc"}
    )
    part = await blob.download_blob(offset=999, length=2)
    assert await part.readall() == b"\x00\x01"
    assert (await blob.get_blob_properties()).metadata == {"sha256": "abc"}
    with pytest.raises(HttpResponseError) as unknown:
        await blob.commit_block_list([BlobBlock("none")])
    assert unknown.value.error_code == "InvalidBlockList"


@pytest.mark.parametrize(
    ("content", "crc64"),
    [
        (b"123456789", "8898790a86148bae"),  # the check value of CRC-64/NVME
        (bytes(range(256)) * 300 + b"the end", "8fb9a377c34ca739"),  # as Azurite's own code has it
    ],
)
async def test_a_block_is_answered_with_its_crc_64(
    container: ContainerClient, content: bytes, crc64: str
) -> None:
    answer = await container.get_blob_client("recording").stage_block("0000", content)
    assert bytes(answer["content_crc64"]).hex() == crc64


async def test_conditions_hold(container: ContainerClient) -> None:
    blob = container.get_blob_client("once")
    await blob.upload_blob(b"one", match_condition=MatchConditions.IfMissing)
    with pytest.raises(ResourceExistsError):
        await blob.upload_blob(b"two", match_condition=MatchConditions.IfMissing)
    old = (await blob.get_blob_properties()).etag
    await blob.upload_blob(b"two", overwrite=True)
    with pytest.raises(ResourceModifiedError):
        await blob.delete_blob(etag=old, match_condition=MatchConditions.IfNotModified)
    await blob.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        await blob.download_blob()


async def test_a_link_reads_its_blob_with_ranges_until_it_expires(
    container: ContainerClient,
) -> None:
    blob = container.get_blob_client("heard")
    await blob.upload_blob(b"0123456789")
    now = dt.datetime.now(dt.UTC)

    def link(minutes: int) -> str:
        token = generate_blob_sas(
            ACCOUNT,
            container.container_name,
            "heard",
            account_key=KEY,
            permission=BlobSasPermissions(read=True),
            expiry=now + dt.timedelta(minutes=minutes),
            content_type="audio/ogg",
        )
        return f"{blob.url}?{token}"

    async with aiohttp.ClientSession() as session:
        async with session.get(link(5), headers={"Range": "bytes=2-4"}) as answer:
            assert (answer.status, await answer.read()) == (206, b"234")
            assert answer.headers["Content-Type"] == "audio/ogg"
        async with session.get(link(-5)) as answer:
            assert answer.status == 403


async def test_what_is_kept_of_a_container_is_put_back_with_blocks_that_are_not_committed(
    container: ContainerClient, azurite: Azurite
) -> None:
    blob, recording = container.get_blob_client("upload"), container.get_blob_client("recording")
    await recording.upload_blob(b"said", metadata={"sha256": "abc"})
    await blob.stage_block("0000", b"one")
    before = await recording.get_blob_properties()
    kept = azurite.keep(container.container_name)
    assert azurite.keep(container.container_name) == kept
    await recording.delete_blob()
    await blob.commit_block_list([BlobBlock("0000")])
    assert azurite.keep(container.container_name) != kept
    azurite.put_back(container.container_name, kept)
    assert await recording.get_blob_properties() == before
    assert not await blob.exists()
    await blob.commit_block_list([BlobBlock("0000")])
    assert await (await blob.download_blob()).readall() == b"one"
