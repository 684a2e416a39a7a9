"""`therapy migrate` on an account that 148999e has left, and what every other command says before it."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos.aio import CosmosClient

from tests.azure.installing import therapy
from tests.azure.old_containers import as_it_was_left, dump
from tests.contract.azure import DATABASES

pytestmark = [pytest.mark.slow, pytest.mark.emulator]

LOCAL = ("RECORDINGS", "SPEECH", "SENTIMENT", "PUSH", "MAIL", "DOORBELL")


@pytest.fixture
def environment(cosmos: Any, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings of an installation whose stores are an account of the first layout."""
    database = next(DATABASES)
    asyncio.run(as_it_was_left(cosmos, database))
    yield {
        "PATH": os.environ["PATH"],
        "COLUMNS": "200",
        "THERAPY_DATA_DIR": str(tmp_path / "data"),
        "THERAPY_STORES": "azure",
        **{f"THERAPY_{name}": "local" for name in LOCAL},
        **cosmos.settings(),
        "COSMOS_DATABASE_NAME": database,
    }
    asyncio.run(with_client(cosmos, lambda client: client.delete_database(database)))


async def with_client(cosmos: Any, work: Any) -> Any:
    client = CosmosClient(cosmos.url, cosmos.key, enable_endpoint_discovery=False)
    async with client:
        return await work(client)


def containers(cosmos: Any, environment: dict[str, str]) -> set[str]:
    async def listed(client: CosmosClient) -> set[str]:
        database = client.get_database_client(environment["COSMOS_DATABASE_NAME"])
        return {each["id"] async for each in database.list_containers()}

    found: set[str] = asyncio.run(with_client(cosmos, listed))
    return found


OLD = set(dump()["settings"])


@pytest.mark.parametrize(
    "arguments", [("serve", "--port", "0"), ("worker",), ("user", "list"), ("check",)]
)
def test_before_it_every_command_says_to_run_it_and_makes_nothing(
    arguments: tuple[str, ...], environment: dict[str, str], cosmos: Any, tmp_path: Path
) -> None:
    said = therapy(environment, tmp_path, *arguments)
    assert said.returncode == 1
    assert "run `therapy migrate`" in said.stdout + said.stderr
    assert containers(cosmos, environment) == OLD


def test_it_copies_and_deletes_only_when_told_and_confirmed(
    environment: dict[str, str], cosmos: Any, tmp_path: Path
) -> None:
    said = therapy(environment, tmp_path, "migrate", "--finish", "--yes")
    assert said.returncode == 1
    assert "is not complete" in said.stderr
    for _ in range(2):
        said = therapy(environment, tmp_path, "migrate")
        assert said.returncode == 0, said.stderr
        assert "containers of the first layout, which were copied (6)" in said.stdout
    assert "Noa.Bar@example.org" in therapy(environment, tmp_path, "user", "list").stdout
    said = therapy(environment, tmp_path, "migrate", "--finish")  # nobody is there to say yes
    assert said.returncode != 0
    assert containers(cosmos, environment) > OLD
    said = therapy(environment, tmp_path, "migrate", "--finish", "--yes")
    assert said.returncode == 0
    assert "They are deleted." in said.stdout
    assert not containers(cosmos, environment) & OLD
    assert "Nothing is left" in therapy(environment, tmp_path, "migrate", "--finish").stdout


def test_with_files_there_is_nothing_to_finish(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "THERAPY_DATA_DIR": str(tmp_path / "data")}
    said = therapy(environment, tmp_path, "migrate", "--finish")
    assert (said.returncode, said.stderr) == (0, f"data in {tmp_path / 'data'} (new)\n")
    assert "Nothing is left" in said.stdout
