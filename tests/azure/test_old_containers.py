"""The dump of 148999e's containers can be loaded; its migration is tested elsewhere."""

import json
from typing import Any

from azure.cosmos.aio import CosmosClient

from tests.azure.old_containers import dump, load
from tests.contract.azure import DATABASES
from tests.local.data_directory import expected


async def test_the_old_containers_load_as_they_were(cosmos: Any) -> None:
    client = CosmosClient(cosmos.url, cosmos.key, enable_endpoint_discovery=False)
    async with client:
        database = await load(client, next(DATABASES))
        for name, settings in dump()["settings"].items():
            container = database.get_container_client(name)
            assert (await container.read()).get("defaultTtl") == settings["default_ttl"]
            found = {
                (each["pk"], each["id"]): {field: each[field] for field in each if field[0] != "_"}
                async for each in container.read_all_items()
            }
            assert found == {(each["pk"], each["id"]): each for each in dump()[name]}
        await client.delete_database(database)


def test_the_dump_and_the_data_directory_are_of_the_same_sessions() -> None:
    sessions = [each for each in dump()["practice-sessions"] if each["kind"] == "session"]
    assert {json.loads(each["body"])["id"] for each in sessions} == {
        each["session"]["id"] for each in expected()["sessions"].values()
    }
