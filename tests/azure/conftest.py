"""The emulators, for the tests of what only the adapters of Azure do."""

import pytest

from tests.azure.cosmos_items import *  # noqa: F403 - fixtures are found by name
from tests.azure.cosmos_stores import *  # noqa: F403 - fixtures are found by name
from tests.emulators.fixtures import *  # noqa: F403 - fixtures are found by name
from tests.emulators.valkey import Valkey


@pytest.fixture
async def empty(valkey: Valkey) -> Valkey:
    """A Valkey without rings."""
    from redis.asyncio import Redis

    from therapy.adapters.redis import QUEUE

    async with Redis.from_url(valkey.url) as redis:
        await redis.delete(QUEUE)
    return valkey
