"""Uploads in Cosmos DB: in a few partitions of their own, as they live for hours and are few.

So the ends of dead ones are found where they are, without an index to keep.
"""

import asyncio
from datetime import datetime

from therapy.adapters.azure.cosmos.client import Cosmos
from therapy.adapters.azure.cosmos.keys import END, digest, key, shard, stamp
from therapy.adapters.azure.cosmos.partition import body_of, read_body
from therapy.domain import codec
from therapy.domain.errors import NotFound
from therapy.domain.upload import Upload
from therapy.ports.uploads import Uploads

PARTITIONS = 2
"""Over which uploads are spread. Never lower it."""


class CosmosUploads(Uploads):
    """Uploads of all practices."""

    def __init__(self, cosmos: Cosmos) -> None:
        self._container = cosmos.due

    async def put(self, practice_id: str, upload: Upload) -> None:
        pk, item_id = _place(practice_id, upload.id)
        fields = {"at": f"{stamp(upload.expires_at)}-{item_id}", "body": body_of(upload)}
        await self._container.put(pk, item_id, fields)

    async def get(self, practice_id: str, upload_id: str) -> Upload:
        found = await self._container.read(*_place(practice_id, upload_id))
        if found is None:
            raise NotFound(upload=upload_id)
        return read_body(Upload, found)

    async def remove(self, practice_id: str, upload_id: str) -> None:
        await self._container.delete(*_place(practice_id, upload_id))

    async def expired(self, now: datetime, limit: int) -> tuple[Upload, ...]:
        if limit <= 0:
            return ()
        pages = await asyncio.gather(
            *(
                self._container.query(
                    _partition(number),
                    "c.at < @end",
                    select="c.at, c.body",
                    order="c.at",
                    limit=limit,
                    end=stamp(now) + END,
                )
                for number in range(PARTITIONS)
            )
        )
        found = sorted((each["at"], each["body"]) for page in pages for each in page)
        return tuple(codec.decode(Upload, body.encode()) for _, body in found[:limit])


def _place(practice_id: str, upload_id: str) -> tuple[str, str]:
    item_id = digest(key(practice_id, upload_id))
    return _partition(shard(item_id, PARTITIONS)), item_id


def _partition(number: int) -> str:
    return key("uploads", str(number))
