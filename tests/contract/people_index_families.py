"""The indexes that the suite of `ports.people_index` is run on: a function and an entry in INDEXES each."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.azure import empty_cosmos
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
from therapy.adapters.memory.people_index import MemoryPeopleIndex
from therapy.ports.people_index import PeopleIndex

__all__ = ["people_index"]

Get = Callable[[str], Any]


@asynccontextmanager
async def memory(_: Path, __: Get) -> AsyncIterator[PeopleIndex]:
    yield MemoryPeopleIndex()


@asynccontextmanager
async def local(directory: Path, _: Get) -> AsyncIterator[PeopleIndex]:
    """SQLite; nothing waits for the disk, which only a power cut would notice."""
    async with Database.open(directory / "therapy.sqlite3", synchronous="OFF") as database:
        yield SqlitePeopleIndex(database)


@asynccontextmanager
async def azure(_: Path, get: Get) -> AsyncIterator[PeopleIndex]:
    """The real SDK against the emulator."""
    from therapy.adapters.azure.cosmos.people_index import CosmosPeopleIndex

    async with empty_cosmos(get("cosmos")) as cosmos:
        yield CosmosPeopleIndex(cosmos)


INDEXES: dict[str, Callable[[Path, Get], AbstractAsyncContextManager[PeopleIndex]]] = {
    "memory": memory,
    "local": local,
    "azure": azure,
}


@pytest.fixture(params=INDEXES)
async def people_index(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[PeopleIndex]:
    """Each index in turn, empty."""
    async with INDEXES[request.param](tmp_path, request.getfixturevalue) as opened:
        yield opened
