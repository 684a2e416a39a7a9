"""The blocks of a blob and their journal: block ids with number and hash, and which blocks are the newest.

Plain functions over the SDK's clients; they raise the SDK's exceptions, which the caller maps.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobProperties, BlockState
from azure.storage.blob.aio import BlobClient

from therapy.adapters.azure.blob.errors import unless_it_exists
from therapy.domain.upload import BLOCK_SIZE

NUMBER_DIGITS = 8


def block_id(number: int, digest: bytes) -> str:
    """Return the id of a block, its number and SHA-256: 51 characters of the 64 that Azure allows."""
    return f"{number:0{NUMBER_DIGITS}d}{urlsafe_b64encode(digest).decode().rstrip('=')}"


def number_in(name: str) -> int:
    """Return the number in a block's id."""
    return int(name[:NUMBER_DIGITS])


def hash_in(name: str) -> bytes:
    """Return the SHA-256 in a block's id."""
    return urlsafe_b64decode(name[NUMBER_DIGITS:] + "=")


def newest(noted: Iterable[str], sizes: Mapping[str, int], blocks: int) -> tuple[str, ...]:
    """Return the ids of blocks 0..blocks-1 by the journal; () if one is missing or one but the last is short.

    A line without a block is from a failed attempt: the block before it still counts.
    """
    there = latest(noted, sizes)
    chosen = [there[number] for number in range(blocks) if number in there]
    if len(chosen) < blocks or any(sizes[name] < BLOCK_SIZE for name in chosen[:-1]):
        return ()
    return tuple(chosen)


def latest(noted: Iterable[str], sizes: Mapping[str, int]) -> dict[int, str]:
    """Return the id of each block by its number, in order of the numbers; by the journal, as `newest`."""
    there = {number_in(name): name for name in noted if name in sizes}
    return dict(sorted(there.items()))


async def note(journal: BlobClient, name: str) -> None:
    """Append a block's id to a journal, which is created for the first one."""
    line = f"{name}\n".encode()
    if number_in(name) == 0:  # there is hardly ever a journal yet: to be told so takes a request
        await _create(journal)
    try:
        await journal.append_block(line)
    except ResourceNotFoundError:
        await _create(journal)
        await journal.append_block(line)


async def note_once(journal: BlobClient, name: str) -> None:
    """Write the journal of an upload of which no number is staged twice, with the id of its block 0."""
    await journal.upload_blob(f"{name}\n".encode(), overwrite=True)


async def _create(journal: BlobClient) -> None:
    with unless_it_exists():
        await journal.create_append_blob(match_condition=MatchConditions.IfMissing)


async def noted(journal: BlobClient) -> tuple[str, ...]:
    """Return the lines of a journal; () if there is none."""
    try:
        found = await journal.download_blob()
        content: bytes = await found.readall()
    except ResourceNotFoundError:
        return ()
    return tuple(content.decode().split())


async def blocks_of(blob: BlobClient) -> tuple[list[BlobBlock], list[BlobBlock]]:
    """Return a blob's committed and uncommitted blocks."""
    try:
        return await blob.get_block_list("all")
    except ResourceNotFoundError:
        return [], []


async def properties(blob: BlobClient) -> BlobProperties | None:
    """Return a blob's properties; None if nothing is committed under its name."""
    try:
        return await blob.get_blob_properties()
    except ResourceNotFoundError:
        return None


async def put(
    blob: BlobClient,
    names: Sequence[str],
    metadata: dict[str, str],
    there: BlobProperties | None,
    *,
    state: BlockState = BlockState.LATEST,
) -> None:
    """Commit blocks as the blob, replacing exactly `there`, or only if nothing exists (None)."""
    condition: dict[str, Any] = (
        {"match_condition": MatchConditions.IfMissing}
        if there is None
        else {"etag": there.etag, "match_condition": MatchConditions.IfNotModified}
    )
    await blob.commit_block_list(
        [BlobBlock(name, state) for name in names], metadata=metadata, **condition
    )


async def remove(blob: BlobClient, there: BlobProperties | None = None) -> None:
    """Delete a blob, or only if it is exactly `there` still; do nothing if it is gone or has changed."""
    condition: dict[str, Any] = (
        {"etag": there.etag, "match_condition": MatchConditions.IfNotModified} if there else {}
    )
    with suppress(ResourceNotFoundError, ResourceModifiedError):
        await blob.delete_blob(delete_snapshots="include", **condition)
