"""The Cosmos containers that the program left at 148999e, put into an account as they were.

What that program said about them is `expected` of tests/local/data_directory.py: the two hold the same.
"""

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy

from tests.contract.azure import DATABASES
from tests.local.data_directory import DATA

AT_ONCE = 8
MOST = 50
"""Documents in a batch; Cosmos takes 100, of 2 MB together."""


@cache
def dump() -> dict[str, Any]:
    """Return the items of each container by its name, and in `settings` how each was made."""
    read: dict[str, Any] = json.loads((DATA / "cosmos-148999e.json").read_bytes())
    return read


def batches(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the items in batches, each of one partition and no more than a batch may have."""
    for _, same in groupby(sorted(items, key=itemgetter("pk")), itemgetter("pk")):
        left = list(same)
        while left:
            yield left[:MOST]
            del left[:MOST]


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

        async def put(items: list[dict[str, Any]], into: Any = container, at: Any = places) -> None:
            async with at:
                creates = [("create", (item,), {}) for item in items]
                await into.execute_item_batch(creates, partition_key=items[0]["pk"])

        await asyncio.gather(*(put(items) for items in batches(dump()[name])))
    return made


LOADED: dict[str, str] = {}
"""A database as 148999e left it, by the address of the emulator; nobody changes it, each test has a copy."""


async def as_it_was_left(emulator: Any, database: str) -> None:
    """Make a database as 148999e left it, which an emulator copies from the first one in no time."""
    if emulator.url not in LOADED:
        name = next(DATABASES)
        client = CosmosClient(emulator.url, emulator.key, enable_endpoint_discovery=False)
        async with client:
            await load(client, name)
        LOADED[emulator.url] = name
    emulator.copy(LOADED[emulator.url], database)
