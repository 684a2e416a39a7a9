"""Uploads a file with tuspy: URL, token, file, metadata; prints where it went."""

import sys

from tusclient.client import TusClient

url, token, path, metadata, part = sys.argv[1:6]
client = TusClient(f"{url}/uploads", headers={"Authorization": f"Bearer {token}"})
uploader = client.uploader(
    path,
    chunk_size=int(part),
    metadata={"filename": "session.wav", "metadata": metadata},
    retries=1_000,
    retry_delay=0.05,
)
uploader.upload()
print(uploader.url)
