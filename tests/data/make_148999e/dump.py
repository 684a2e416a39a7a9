"""What is in the six containers of a Cosmos database, as a migration finds it."""

from __future__ import annotations

from typing import Any

from azure.cosmos.aio import CosmosClient

from therapy.adapters.azure.cosmos.client import PREFIX
from therapy.adapters.azure.cosmos.container_definitions import SHAPES

SERVERS = ("_etag", "_ts", "_rid", "_self", "_attachments")
"""What the server adds to an item."""


async def containers(emulator: Any) -> dict[str, Any]:
    """Return each container's settings and its items, in order of partition and id."""
    client = CosmosClient(emulator.url, emulator.key, enable_endpoint_discovery=False)
    async with client:
        database = client.get_database_client(emulator.database)
        found: dict[str, Any] = {"settings": {}}
        for shape in SHAPES:
            container = database.get_container_client(PREFIX + shape.name)
            read = await container.read()
            found["settings"][PREFIX + shape.name] = {
                "partition_key": read["partitionKey"]["paths"][0],
                "indexing_policy": read["indexingPolicy"],
                "default_ttl": read.get("defaultTtl"),
            }
            items = [each async for each in container.read_all_items()]
            bare = [{name: each[name] for name in each if name not in SERVERS} for each in items]
            found[PREFIX + shape.name] = sorted(bare, key=lambda each: (each["pk"], each["id"]))
    return found
