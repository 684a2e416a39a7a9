"""An hour's recording (317 MB) through the running server into Blob storage: what it costs the API in memory.

The recordings go to Azurite, everything else stays on this machine; the upload is what benchmarks/hour.py
sends. Prints by how much the API's memory grows meanwhile, and exits with 1 if that is 60 MB or more or if
what is stored does not have the SHA-256 that was noted as it came in. Linux only: memory is from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.embedded_server import (  # noqa: E402 - the path comes first
    MB,
    PASSWORD,
    THERAPIST,
    data_directory,
    rss,
    running_server,
    seed,
)
from benchmarks.hour import (  # noqa: E402 - the path comes first
    UPLOAD_GROWTH_MB,
    Watch,
    body,
    demo_pcm,
)

CONTAINER = "audio-uploads"


async def upload(minutes: float, url: str, server: int) -> tuple[float, float]:
    """Send a recording as the app does; gives seconds, and by how many bytes the API grew."""
    watch, pcm = Watch(server), demo_pcm()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/auth/login", json={"email": THERAPIST, "password": PASSWORD})
        signed_in = answer.raise_for_status().json()
        before = rss(server)
        watching = asyncio.create_task(watch.memory())
        began = time.monotonic()
        answer = await client.post(
            "/sessions/upload",
            content=body(pcm, minutes, signed_in["userId"]),
            headers={
                "Authorization": f"Bearer {signed_in['token']}",
                "Content-Type": "multipart/form-data; boundary=app",
            },
        )
        answer.raise_for_status()
        seconds = time.monotonic() - began
        watching.cancel()
    return seconds, max(watch.api_rss, default=before) - before


async def stored(connection_string: str) -> list[tuple[int, dict[str, str], str]]:
    """Size, metadata and content hash of every recording that Blob storage has."""
    from azure.storage.blob.aio import BlobServiceClient

    from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash

    found = []
    async with BlobServiceClient.from_connection_string(
        connection_string, max_single_get_size=BLOCK_SIZE, max_chunk_get_size=BLOCK_SIZE
    ) as store:
        container = store.get_container_client(CONTAINER)
        async for blob in container.list_blobs(include=["metadata", "uncommittedblobs"]):
            stream = await container.get_blob_client(blob.name).download_blob()
            hashes = [block_hash(chunk) async for chunk in stream.chunks()]
            found.append((blob.size, dict(blob.metadata), content_hash(hashes)))
    return found


def main() -> int:
    from tests.emulators.azurite import Azurite

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    with data_directory() as data, Azurite() as azurite:
        environment = {
            "THERAPY_STORES": "local",
            "THERAPY_RECORDINGS": "azure",
            "AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string,
            "AUDIO_UPLOAD_BLOB_CONTAINER_NAME": CONTAINER,
        }
        seed(data, environment)
        seeded = {each[2] for each in asyncio.run(stored(azurite.connection_string))}
        with running_server(data, environment=environment) as server:
            seconds, growth = asyncio.run(upload(minutes, server.url, server.pid))
        recordings = asyncio.run(stored(azurite.connection_string))
    new = [each for each in recordings if each[2] not in seeded]
    whole = len(new) == 1 and new[0][1].get("sha256") == new[0][2]
    size = sum(each[0] for each in new)
    fits = growth / MB < UPLOAD_GROWTH_MB
    print(
        f"{minutes:g} minutes of audio, {size / MB:.0f} MiB in Blob storage after {seconds:.1f} s"
    )
    print(
        f"  API process grows during the upload {growth / MB:6.1f} MB (bound {UPLOAD_GROWTH_MB} MB) "
        f"{'ok' if fits else 'MISSED'}"
    )
    print(f"  what is stored has the SHA-256 of its metadata: {'ok' if whole else 'NO'}")
    return int(not (fits and whole))


if __name__ == "__main__":
    sys.exit(main())
