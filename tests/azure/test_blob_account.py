"""Storage accounts that are set in a way that does not go with recordings: each is named, with its cure."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob.aio import ExponentialRetry

from tests.builders import PRACTICE
from tests.emulators.azurite import Azurite
from tests.emulators.storage_front import StorageFront
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.config import read_settings
from therapy.domain.errors import Unavailable
from therapy.entrypoints.cli.check import check_each, failed
from therapy.entrypoints.cli.faults.diagnosis import diagnose, diagnose_code
from therapy.wiring.dependency_checks import dependencies

pytestmark = pytest.mark.emulator
UPLOAD = "upload-1"


@pytest.fixture(scope="module")
def one_front(azurite: Azurite) -> Iterator[StorageFront]:
    with StorageFront(azurite) as front:
        yield front


@pytest.fixture
def front(one_front: StorageFront) -> StorageFront:
    one_front.clear()
    return one_front


def opened(front: StorageFront, container: str = "", *, make: bool = True):
    return BlobRecordings.open(
        container or f"test-{uuid.uuid4().hex}",
        connection_string=front.connection_string,
        retry_policy=ExponentialRetry(retry_total=0),
        make=make,
    )


async def kept(recordings: BlobRecordings) -> None:
    await recordings.stage(PRACTICE, UPLOAD, 0, b"a recording")
    await recordings.keep(PRACTICE, UPLOAD, 1, UPLOAD)


def cure(error: Exception) -> str:
    finding = diagnose("azure", "recordings", "clinic7audio", error)
    return f"{finding.cause}: {finding.fix}"


def warning_of(code: str) -> str:
    finding = diagnose_code("azure", "recordings", code)
    return f"{finding.cause}: {finding.fix}"


async def test_an_account_as_it_should_be_is_worth_no_word(front: StorageFront) -> None:
    async with opened(front) as recordings:
        assert await recordings.examine() == ()
        await kept(recordings)
        assert await recordings.examine() == ()
        assert await recordings.read(PRACTICE, UPLOAD, 2, 11) == b"recording"


async def test_a_firewall_is_named(front: StorageFront) -> None:
    async with opened(front) as recordings:
        front.firewall = True
        for asked in (recordings.check, recordings.examine, lambda: kept(recordings)):
            with pytest.raises(Unavailable) as refusal:
                await asked()
            assert "firewall blocks this machine: Storage account, Networking" in cure(
                refusal.value
            )


async def test_keys_that_are_off_are_named(front: StorageFront) -> None:
    front.shared_key_off = True
    with pytest.raises(Unavailable) as refusal:
        async with opened(front):
            pass
    assert "access keys are disabled" in cure(refusal.value)
    assert "AZURE_STORAGE_ACCOUNT_NAME" in cure(refusal.value)


@pytest.mark.parametrize("data_role", [False, True], ids=["by the account", "by a blob"])
async def test_a_hierarchical_namespace_is_refused(front: StorageFront, data_role: bool) -> None:
    async with opened(front) as recordings:
        await kept(recordings)
        front.hierarchical, front.data_role = True, data_role
        with pytest.raises(Unavailable) as refusal:
            await recordings.examine()
        assert "hierarchical namespace" in cure(refusal.value)
        assert "create another account" in cure(refusal.value)


@pytest.mark.parametrize("data_role", [False, True])
async def test_versioning_is_warned_of(front: StorageFront, data_role: bool) -> None:
    front.versioning, front.data_role = True, data_role
    async with opened(front) as recordings:
        await kept(recordings)
        (warning,) = await recordings.examine()
    assert "versioning is on" in warning_of(warning)
    assert "--enable-versioning false" in warning_of(warning)


async def test_soft_delete_is_warned_of(front: StorageFront) -> None:
    front.soft_delete = 7
    async with opened(front) as recordings:
        (warning,) = await recordings.examine()
    assert "soft delete is on" in warning_of(warning)
    assert "--enable-delete-retention false" in warning_of(warning)


async def test_each_thing_is_asked_once(front: StorageFront) -> None:
    """The container by its list, which fails where there is none; the account; its service."""
    async with opened(front) as recordings:
        front.calls.clear()
        await recordings.examine()
    assert len(front.calls) == 3


async def test_nothing_is_known_of_an_empty_account_where_only_data_may_be_read(
    front: StorageFront,
) -> None:
    front.hierarchical = front.versioning = front.data_role = True
    async with opened(front) as recordings:
        assert await recordings.examine() == ()


async def test_a_check_of_the_settings_shows_what_the_account_is_set_to(
    front: StorageFront, tmp_path: Path
) -> None:
    container = f"test-{uuid.uuid4().hex}"
    settings = {
        "AZURE_STORAGE_CONNECTION_STRING": front.connection_string,
        "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": container,
        "THERAPY_RECORDINGS": "azure",
        "THERAPY_STORES": "local",
        "THERAPY_DATA_DIR": str(tmp_path),
    }
    listed = dependencies(read_settings(settings))
    (one,) = [each for each in listed if each.name == "recordings"]
    async with opened(front, container) as recordings:
        await kept(recordings)
    front.soft_delete = 7
    (checked,) = await check_each([one])
    assert (checked.finding, len(checked.warnings)) == (None, 1)
    front.hierarchical = True
    (checked,) = await check_each([one])
    assert checked.finding is not None
    assert "hierarchical namespace" in checked.finding.cause
    assert failed([checked]) == "1 of 1 failed: recordings"
