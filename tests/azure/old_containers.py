"""The Cosmos containers that the program left at 148999e, put into an account as they were.

What that program said about them is `expected` of tests/local/data_directory.py: the two hold the same.
"""

import asyncio
import json
from functools import cache
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy

from tests.local.data_directory import DATA

AT_ONCE = 8


@cache
def dump() -> dict[str, Any]:
    """Return the items of each container by its name, and in `settings` how each was made."""
    read: dict[str, Any] = json.loads((DATA / "cosmos-148999e.json").read_bytes())
    return read


async def load(client: CosmosClient, database: str) -> DatabaseProxy:
    """Make a database with the six containers and their items; it must not be there yet."""
    made = await client.create_database(database)
    for name, settings in dump()["settings"].items():
        container = await made.create_container(
            name,
            PartitionKey(settings["partition_key"]),
            indexing_policy=settings["indexing_policy"],
            default_ttl=settings["default_ttl"],
        )
        places = asyncio.Semaphore(AT_ONCE)

        async def put(item: dict[str, Any], into: Any = container, places: Any = places) -> None:
            async with places:
                await into.create_item(item)

        await asyncio.gather(*(put(item) for item in dump()[name]))
    return made
