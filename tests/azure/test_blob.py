"""What Blob recordings do beyond the port's contract: against Azurite, with the real SDK."""

import inspect
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.core.exceptions
import azure.identity
import azure.storage.blob
import httpx
import pytest
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient, ExponentialRetry

from tests.builders import DAY, PRACTICE
from tests.emulators.azurite import ACCOUNT, KEY, Azurite
from therapy.adapters.azure.blob.errors import CLASSES, blob_error
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.domain.errors import (
    AlreadyExists,
    NotFound,
    Stale,
    StorageFull,
    Unavailable,
)
from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash

UPLOAD = "upload-1"
FIRST = bytes(range(256)) * (BLOCK_SIZE // 256)
LAST = b"the end"
MINUTES = timedelta(minutes=5)
NEVER = ExponentialRetry(retry_total=0)
AT_ONCE = ExponentialRetry(initial_backoff=0, increment_base=0, random_jitter_range=0)


@pytest.fixture
async def container(azurite: Azurite) -> AsyncIterator[ContainerClient]:
    """A look at a container of this test's own, beside the adapter."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as store:
        yield store.get_container_client(f"test-{uuid.uuid4().hex}")


@pytest.fixture
async def recordings(azurite: Azurite, container: ContainerClient) -> AsyncIterator[BlobRecordings]:
    async with opened(azurite, container) as recordings:
        yield recordings


def opened(
    azurite: Azurite, container: ContainerClient, **options: Any
) -> AbstractAsyncContextManager[BlobRecordings]:
    return BlobRecordings.open(
        container.container_name, connection_string=azurite.connection_string, **options
    )


async def names(container: ContainerClient) -> list[str]:
    return [
        each.name async for each in container.list_blobs(include=["uncommittedblobs", "metadata"])
    ]


async def kept(recordings: BlobRecordings, *blocks: bytes, key: str = UPLOAD) -> int:
    for number, block in enumerate(blocks):
        await recordings.stage(PRACTICE, UPLOAD, number, block)
    return await recordings.keep(PRACTICE, UPLOAD, len(blocks), key)


class Broken(AioHttpTransport):
    """The SDK's transport; `meet` and `after` may raise before a request is sent and after its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.fix()

    def fix(self) -> None:
        self.meet: Callable[[str], None] = lambda url: None
        self.after: Callable[[str], None] = lambda url: None

    async def send(self, request: Any, **options: Any) -> Any:
        self.meet(request.url)
        answer = await super().send(request, **options)
        self.after(request.url)
        return answer


# where things are


async def test_a_recording_under_its_uploads_id_is_committed_in_place(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, FIRST)
    assert await names(container) == [
        f"practice/{PRACTICE}/{UPLOAD}",
        f"staging/{PRACTICE}/{UPLOAD}",
    ]
    await kept(recordings, FIRST, LAST)
    assert await names(container) == [f"practice/{PRACTICE}/{UPLOAD}"]


async def test_the_sha_256_of_a_recording_is_in_its_metadata(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 1, b"replaced later")
    await kept(recordings, FIRST, LAST)
    blob = container.get_blob_client(f"practice/{PRACTICE}/{UPLOAD}")
    metadata = (await blob.get_blob_properties()).metadata
    assert metadata["sha256"] == content_hash([block_hash(FIRST), block_hash(LAST)])
    assert metadata["upload"] == UPLOAD


async def test_a_recording_under_another_key_is_copied_there_and_nothing_stays(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await kept(recordings, FIRST, LAST, key="session-1/audio")
    assert await names(container) == [f"practice/{PRACTICE}/session-1/audio"]


async def test_a_key_that_another_upload_has_is_not_overwritten(recordings: BlobRecordings) -> None:
    await kept(recordings, LAST, key="taken")
    await recordings.stage(PRACTICE, "upload-2", 0, b"another's")
    with pytest.raises(AlreadyExists):
        await recordings.keep(PRACTICE, "upload-2", 1, "taken")
    assert await recordings.read(PRACTICE, "taken", 0, 100) == LAST


async def test_a_discarded_upload_leaves_no_blob_behind(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, FIRST)
    await recordings.discard(PRACTICE, UPLOAD)
    assert await names(container) == []


async def test_what_was_kept_stays_when_its_upload_is_discarded_or_staged_again(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await kept(recordings, FIRST, LAST)
    before = await container.get_blob_client(f"practice/{PRACTICE}/{UPLOAD}").get_blob_properties()
    await recordings.discard(PRACTICE, UPLOAD)
    await recordings.stage(PRACTICE, UPLOAD, 1, b"once more")
    with pytest.raises(NotFound):
        await recordings.keep(PRACTICE, UPLOAD, 2, UPLOAD)
    await recordings.discard(PRACTICE, UPLOAD)
    assert await recordings.read(PRACTICE, UPLOAD, 0, 10**8) == FIRST + LAST
    after = await container.get_blob_client(f"practice/{PRACTICE}/{UPLOAD}").get_blob_properties()
    assert after.metadata == before.metadata
    assert await recordings.staged_before(datetime.now(UTC) + DAY, 10) == ()


async def test_deleting_a_name_does_not_touch_an_upload_that_is_still_arriving(
    recordings: BlobRecordings,
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, LAST)
    await recordings.delete(PRACTICE, UPLOAD)
    assert await recordings.keep(PRACTICE, UPLOAD, 1, UPLOAD) == len(LAST)


async def test_the_same_upload_may_be_received_and_kept_again(recordings: BlobRecordings) -> None:
    await kept(recordings, FIRST, LAST)
    assert await kept(recordings, LAST) == len(LAST)
    assert await recordings.read(PRACTICE, UPLOAD, 0, 100) == LAST


# when a process dies in between


@pytest.mark.parametrize("key", [UPLOAD, "elsewhere"])
@pytest.mark.parametrize("lost", ["before", "after"])
async def test_keep_may_break_at_every_request_and_be_done_again(
    azurite: Azurite, container: ContainerClient, key: str, lost: str
) -> None:
    broken, asked = Broken(), []
    async with opened(azurite, container, transport=broken, retry_policy=NEVER) as recordings:
        await recordings.stage(PRACTICE, UPLOAD, 0, LAST)
        broken.meet = asked.append
        await recordings.keep(PRACTICE, UPLOAD, 1, key)
        steps = len(asked)
        assert steps > 3
        for step in range(steps):
            upload = f"upload-{lost}-{step}"
            target = upload if key == UPLOAD else f"{key}-{step}"
            broken.fix()
            await recordings.stage(PRACTICE, upload, 0, LAST)
            left = [step]

            def die(url: str, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise ServiceRequestError("the process died here")

            setattr(broken, "meet" if lost == "before" else "after", die)
            with pytest.raises(Unavailable):
                await recordings.keep(PRACTICE, upload, 1, target)
            broken.fix()
            assert await recordings.keep(PRACTICE, upload, 1, target) == len(LAST)
            assert await recordings.read(PRACTICE, target, 0, 10**8) == LAST
            if key != UPLOAD:
                with pytest.raises(NotFound):
                    await recordings.size(PRACTICE, upload)
        assert await recordings.staged_before(datetime.now(UTC) + DAY, 100) == ()
        assert len(await names(container)) == steps + 1


async def test_a_block_that_never_arrived_does_not_replace_the_one_before(
    azurite: Azurite, container: ContainerClient
) -> None:
    broken = Broken()

    def full(url: str) -> None:
        if "comp=block&" in f"{url}&":
            raise ServiceRequestError("no")

    async with opened(azurite, container, transport=broken, retry_policy=NEVER) as recordings:
        await recordings.stage(PRACTICE, UPLOAD, 0, LAST)
        broken.meet = full
        with pytest.raises(Unavailable):
            await recordings.stage(PRACTICE, UPLOAD, 0, b"another")
        await recordings.keep(PRACTICE, UPLOAD, 1, UPLOAD)
        assert await recordings.read(PRACTICE, UPLOAD, 0, 100) == LAST


async def test_a_block_is_sent_again_when_its_connection_breaks(
    azurite: Azurite, container: ContainerClient
) -> None:
    broken, sent = Broken(), []

    def lose(url: str) -> None:
        if "comp=block&" in f"{url}&":
            sent.append(url)
            if len(sent) < 3:
                raise ServiceResponseError("the answer is lost")

    broken.after = lose
    async with opened(azurite, container, transport=broken, retry_policy=AT_ONCE) as recordings:
        await kept(recordings, FIRST)
        assert len(sent) == 3
        assert await recordings.read(PRACTICE, UPLOAD, 0, BLOCK_SIZE) == FIRST


async def test_a_discard_that_died_half_way_leaves_no_recording_and_is_found_again(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, LAST)
    blob = container.get_blob_client(f"practice/{PRACTICE}/{UPLOAD}")
    await blob.commit_block_list([], metadata={"passing": "discarded"})
    with pytest.raises(NotFound):
        await recordings.size(PRACTICE, UPLOAD)
    assert await recordings.staged_before(datetime.now(UTC) + DAY, 1) == ((PRACTICE, UPLOAD),)
    await recordings.discard(PRACTICE, UPLOAD)
    assert await names(container) == []


# links


async def test_what_a_link_answers_is_kept_nowhere_and_all_else_is_forbidden(
    recordings: BlobRecordings,
) -> None:
    """What every adapter with links promises is in `therapy.testing.recordings`."""
    await kept(recordings, FIRST, LAST)
    link = await recordings.playback_link(PRACTICE, UPLOAD, MINUTES, "audio/mp4")
    async with httpx.AsyncClient() as player:
        part = await player.get(link, headers={"Range": f"bytes={BLOCK_SIZE}-"})
        assert (part.status_code, part.content) == (206, LAST)
        assert part.headers["cache-control"] == "no-store"
        assert (await player.delete(link)).status_code == 403
        assert (await player.get(link.replace(UPLOAD, "another"))).status_code == 403


async def test_a_store_with_neither_key_nor_credential_signs_no_link(
    azurite: Azurite, container: ContainerClient, recordings: BlobRecordings
) -> None:
    await kept(recordings, LAST)
    shared = generate_account_sas(
        ACCOUNT,
        KEY,
        ResourceTypes(container=True, object=True),
        AccountSasPermissions(read=True),
        datetime.now(UTC) + DAY,
    )
    async with BlobServiceClient(azurite.url, AzureSasCredential(shared)) as store:
        without = BlobRecordings(store, container.container_name)
        with pytest.raises(Unavailable, match="no_key"):
            await without.playback_link(PRACTICE, UPLOAD, MINUTES, "audio/mp4")


# opening, and what goes wrong


async def test_account_name_and_key_open_it_too(azurite: Azurite) -> None:
    container = f"test-{uuid.uuid4().hex}"
    for _ in range(2):  # made, then verified
        async with BlobRecordings.open(
            container, account_name=ACCOUNT, account_key=KEY, endpoint=azurite.url
        ) as recordings:
            await recordings.check()


async def test_a_container_that_vanished_is_told_by_the_check(
    recordings: BlobRecordings, container: ContainerClient
) -> None:
    await recordings.check()
    await container.delete_container()
    with pytest.raises(Unavailable, match="ContainerNotFound"):
        await recordings.check()
    with pytest.raises(Unavailable):
        await recordings.stage(PRACTICE, UPLOAD, 0, LAST)


async def test_a_store_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with BlobRecordings.open(
            "audio",
            account_name=ACCOUNT,
            account_key=KEY,
            endpoint=f"http://127.0.0.1:9/{ACCOUNT}",
            retry_policy=AT_ONCE,
        ):
            pass


async def test_a_wrong_key_is_unavailable_and_not_told(azurite: Azurite) -> None:
    wrong = "c2VjcmV0"
    with pytest.raises(Unavailable) as caught:
        async with BlobRecordings.open(
            "audio", account_name=ACCOUNT, account_key=wrong, endpoint=azurite.url
        ):
            pass
    assert wrong not in str(caught.value)


def test_every_exception_of_the_sdk_is_mapped() -> None:
    found = {
        each
        for module in (azure.core.exceptions, azure.storage.blob, azure.identity)
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Exception)
    }
    assert found - set(CLASSES) == set()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (507, "", StorageFull),
        (409, "BlockCountExceedsLimit", StorageFull),
        (409, "ContainerBeingDeleted", Unavailable),
        (404, "ContainerNotFound", Unavailable),
        (503, "ServerBusy", Unavailable),
        (418, "", Unavailable),
        (409, "MemoryExtentStoreAtSizeLimit", StorageFull),
        (409, "AccountCapacityExceeded", StorageFull),
    ],
)
def test_code_and_status_go_before_the_class(status: int, code: str, kind: type[Exception]) -> None:
    exc = HttpResponseError("secret text")
    exc.status_code = status
    exc.error_code = code  # type: ignore[attr-defined]  # storage adds it
    assert type(blob_error(exc)) is kind
    assert "secret" not in str(blob_error(exc))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("BlobAlreadyExists", AlreadyExists),
        ("", AlreadyExists),
        ("BlobImmutableDueToPolicy", Unavailable),
        ("MemoryExtentStoreAtSizeLimit", StorageFull),
    ],
)
def test_a_conflict_is_what_its_code_says(code: str, kind: type[Exception]) -> None:
    """The SDK raises the same exception for every 409."""
    exc = azure.core.exceptions.ResourceExistsError("secret text")
    exc.status_code = 409
    exc.error_code = code  # type: ignore[attr-defined]  # storage adds it
    assert type(blob_error(exc)) is kind


def test_a_lost_race_is_stale() -> None:
    assert type(blob_error(azure.core.exceptions.ResourceModifiedError())) is Stale
