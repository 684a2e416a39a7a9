"""The containers: their names, partitioning, indexes and expiry.

All are partitioned by `/pk`, a text made by `keys.key`. Only what queries use is indexed, because every
indexed path makes writes dearer. The names have a prefix of our own, so they are never another program's.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from azure.core.exceptions import ResourceNotFoundError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceExistsError

from therapy.adapters.azure.cosmos.errors import cosmos_errors, is_behind
from therapy.domain.errors import Unavailable

PARTITION_PATH = "/pk"


class Shape(NamedTuple):
    """A container: its name after the prefix, indexed paths, and whether items may have a `ttl`."""

    name: str
    indexed: tuple[str, ...] = ()
    expires: bool = False

    @property
    def default_ttl(self) -> int | None:
        """-1: items expire only by their own `ttl`; None: nothing expires."""
        return -1 if self.expires else None

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """The policy; it names the partition key, too: queries use it, and Cosmos doesn't index it itself."""
        included = [{"path": f"{path}/?"} for path in (PARTITION_PATH, *self.indexed)]
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": included,
            "excludedPaths": [{"path": "/*"}],
        }


ITEMS = Shape("items", ("/due",), expires=True)
HINTS = Shape("hints", ("/at", "/queues/[]"))
SESSION_INDEX = Shape(
    "session-entries", ("/place", "/sort", "/heard", "/fields", "/words/[]"), expires=True
)
PEOPLE_INDEX = Shape("person-entries", ("/sort", "/in_role", "/fields"), expires=True)

SHAPES = (ITEMS, HINTS, SESSION_INDEX, PEOPLE_INDEX)


async def migrate(
    client: CosmosClient,
    database: str,
    prefix: str,
    *,
    throughput: int | None = None,
    update: bool = True,
) -> None:
    """Create what is missing and, with `update`, bring indexes and expiry up to date. Idempotent.

    No items are changed. `throughput` (RU/s) is shared by all containers; it is None for serverless
    accounts, and has no effect if the database exists. It needs the account's key, or a role that may manage
    containers.

    Raises:
        Unavailable: Cosmos can't be reached, this is not allowed, or a container has another partition key.
    """
    with cosmos_errors():
        # "If not exists" looks, then creates: if two start at once, one may find it created meanwhile.
        with suppress(CosmosResourceExistsError):
            await client.create_database_if_not_exists(database, offer_throughput=throughput)
        existing = client.get_database_client(database)
        for shape in SHAPES:
            await _migrate_one(existing, shape, prefix + shape.name, update=update)


async def _migrate_one(database: DatabaseProxy, shape: Shape, name: str, *, update: bool) -> None:
    partition_key = PartitionKey(PARTITION_PATH)
    with suppress(CosmosResourceExistsError):
        await database.create_container_if_not_exists(
            name,
            partition_key,
            indexing_policy=shape.indexing_policy,
            default_ttl=shape.default_ttl,
        )
    found = await database.get_container_client(name).read()
    if found["partitionKey"]["paths"] != [PARTITION_PATH]:
        raise Unavailable(reason="partition_key", container=name)
    if update and _outdated(found, shape):
        await database.replace_container(
            name,
            partition_key,
            indexing_policy=shape.indexing_policy,
            default_ttl=shape.default_ttl,
        )


def _outdated(found: Mapping[str, Any], shape: Shape) -> bool:
    wanted = {"indexingPolicy": shape.indexing_policy}
    return _indexed(found) != _indexed(wanted) or found.get("defaultTtl") != shape.default_ttl


def _indexed(properties: Mapping[str, Any]) -> set[str]:
    policy = properties.get("indexingPolicy") or {}
    return {each["path"] for each in policy.get("includedPaths") or ()}


async def verify(database: DatabaseProxy, prefix: str) -> tuple[str, ...]:
    """Check that every container exists; a permission to read is enough.

    Return the names of those whose indexes or expiry are another version's: they work, but cost more.

    Raises:
        Unavailable: Cosmos can't be reached, this is not allowed, or a container is missing or has another
            partition key.
    """
    outdated = []
    for shape in SHAPES:
        name = prefix + shape.name
        with cosmos_errors():
            try:
                found = await database.get_container_client(name).read()
            except ResourceNotFoundError as exc:
                if is_behind(exc):
                    raise
                raise Unavailable(reason="container_missing", container=name) from exc
        if found["partitionKey"]["paths"] != [PARTITION_PATH]:
            raise Unavailable(reason="partition_key", container=name)
        if _outdated(found, shape):
            outdated.append(name)
    return tuple(outdated)
