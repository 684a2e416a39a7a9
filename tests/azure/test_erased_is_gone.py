"""What is erased is in no item of Cosmos DB and no blob, snapshot or block of Blob Storage."""

import base64
import json
import uuid
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from tests.builders import a_wav, an_utterance
from tests.contract.azure import empty_cosmos
from tests.emulators.azurite import Azurite
from tests.emulators.cosmos import Cosmos as Emulator
from tests.http.clinic import SOUND, metadata_of, open_clinic, populate
from therapy.adapters.azure.blob.recordings import BlobRecordings
from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.memory.speech import MemorySpeech
from therapy.wiring.stores import cosmos_stores

pytestmark = [pytest.mark.slow, pytest.mark.emulator]

NAME, SUMMARY, NOTE, SAID = "Qexwyzzen", "Zyxqwvotle", "Wuzzlefrobnicq", "plumqzywiggen"
NUMBER, EMAIL = "998877661", "vexqzomwick@quizzlewump.zwyxk"
CANARIES = [each.encode() for each in (NAME, SUMMARY, NOTE, SAID, NUMBER, EMAIL)]
CANARIES += [each.lower() for each in CANARIES]
HEARD = bytes(range(7, 247, 3)) * 2
ALL = ["uncommittedblobs", "snapshots", "metadata", "copy"]


@pytest.fixture
async def container(azurite: Azurite) -> AsyncIterator[ContainerClient]:
    """A look at a container of this test's own, beside the adapter."""
    async with BlobServiceClient.from_connection_string(azurite.connection_string) as store:
        yield store.get_container_client(f"test-{uuid.uuid4().hex}")


async def items_with_canaries(cosmos: Cosmos) -> list[str]:
    """The ids of all items that have a canary, packed or not, in any container."""
    database = cosmos.client.get_database_client(cosmos.database)
    found = []
    async for each in database.list_containers():
        async for item in database.get_container_client(each["id"]).read_all_items():
            text = json.dumps(item, ensure_ascii=False).encode()
            if packed := item.get("packed"):
                text += zlib.decompress(base64.b64decode(packed))
            if any(canary in text for canary in CANARIES):
                found.append(f"{each['id']}/{item['id']}")
    return found


async def blobs_with_the_sound(container: ContainerClient) -> list[str]:
    """The names of all blobs and snapshots that have it, and of all that have blocks not committed."""
    found = []
    async for each in container.list_blobs(include=ALL):
        blob = container.get_blob_client(each.name, snapshot=each.snapshot)
        content = await (await blob.download_blob()).readall()
        blocks = await blob.get_block_list("all") if each.blob_type == "BlockBlob" else ((), ())
        if HEARD in content or blocks[1]:
            found.append(each.name)
    return found


async def test_an_erased_session_is_in_no_item_and_no_blob(
    tmp_path: Path, cosmos: Emulator, azurite: Azurite, container: ContainerClient
) -> None:
    opening = BlobRecordings.open(
        container.container_name, connection_string=azurite.connection_string
    )
    script = [an_utterance(f"I dreamt of a {SAID}.", 0)]
    async with empty_cosmos(cosmos) as database, opening as recordings:
        stores = cosmos_stores(database)
        async with open_clinic(
            tmp_path,
            store=stores.store,
            session_index=stores.session_index,
            people_index=stores.people_index,
            recordings=recordings,
            speech=MemorySpeech(script),
        ) as clinic:
            await populate(clinic.records)
            patient = {"id": NUMBER, "name": NAME, "email": EMAIL}
            told = metadata_of(
                patient=json.dumps(patient), summary=SUMMARY, general_notes=[{"content": NOTE}]
            )
            answer = await clinic.upload(a_wav(SOUND + HEARD), told)
            session_id = answer.json()["session_id"]
            await clinic.work()
            (blob,) = await blobs_with_the_sound(container)
            await container.get_blob_client(blob).create_snapshot()
            assert len(await items_with_canaries(database)) >= 3
            await clinic.ask("DELETE", f"/sessions/{session_id}")
            assert (await clinic.get(f"/sessions/{session_id}")).status_code == 404
            assert await items_with_canaries(database) == []
            assert await blobs_with_the_sound(container) == []
