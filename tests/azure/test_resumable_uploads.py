"""Resumable uploads over Azure's blobs: pieces through two replicas become one recording, nothing is left."""

import uuid

from azure.storage.blob.aio import BlobServiceClient

from tests.builders import PRACTICE, a_wav, details
from tests.emulators.azurite import Azurite
from tests.workflows.memory_installation import ACTOR, an_installation
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.domain.upload import BLOCK_SIZE, Metadata
from therapy.workflows import resumable_uploads
from therapy.workflows.appended_bytes import appending

AUDIO = a_wav(bytes(range(256)) * (BLOCK_SIZE // 256 + 5_000))


async def test_pieces_through_two_replicas_become_one_recording(azurite: Azurite) -> None:
    name, opened = f"test-{uuid.uuid4().hex}", azurite.connection_string
    async with (
        BlobRecordings.open(name, connection_string=opened) as here,
        BlobRecordings.open(name, connection_string=opened) as there,
        BlobServiceClient.from_connection_string(opened) as store,
    ):
        one = await an_installation(recordings=here)
        replicas = [one, one.with_ports(recordings=there)]
        upload = await resumable_uploads.begin(
            ACTOR, len(AUDIO), Metadata(details()), intake=one.intake
        )
        for turn, start in enumerate(range(0, len(AUDIO), 1_500_000)):
            intake, piece = replicas[turn % 2].intake, AUDIO[start : start + 1_500_000]
            async with appending(ACTOR, upload.id, start, intake=intake) as appended:
                await appended.write(piece)
            found = await resumable_uploads.completed(ACTOR, appended.upload, intake=intake)
        session = await one.session(found.session_id)
        key = session.recordings[0].key
        assert await there.read(PRACTICE, key, 0, 10**9) == AUDIO
        blobs = store.get_container_client(name).list_blobs(include=["uncommittedblobs"])
        assert [each.name async for each in blobs] == [f"practice/{PRACTICE}/{key}"]
