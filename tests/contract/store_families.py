"""The stores that the suites of `ports.store` are run on: one function and one entry in STORES each.

Gives the fixtures that the suites need: `clock`, `store`, and `losing`, within which a store's next
answer is lost on the way, where there is a way.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from contextlib import nullcontext as nothing_is_lost
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.azure import empty_cosmos
from tests.contract.items import Clock
from tests.emulators.faults import Fault
from therapy.adapters.local.sqlite.database import Database
from therapy.adapters.local.sqlite.store import SqliteStore
from therapy.adapters.memory.store import MemoryStore
from therapy.ports.store import Store

__all__ = ["clock", "losing", "opened_store", "store"]

Get = Callable[[str], Any]
Losing = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class OpenedStore:
    """An empty store; within `losing()` the answer to its next write is lost, which it must survive."""

    store: Store
    losing: Losing = nothing_is_lost


@asynccontextmanager
async def memory(clock: Clock, _: Path, __: Get) -> AsyncIterator[OpenedStore]:
    yield OpenedStore(MemoryStore(clock))


@asynccontextmanager
async def local(clock: Clock, directory: Path, _: Get) -> AsyncIterator[OpenedStore]:
    """SQLite; nothing waits for the disk, which only a power cut would notice."""
    async with Database.open(directory / "store.sqlite3", synchronous="OFF") as database:
        yield OpenedStore(SqliteStore(database, clock))


@asynccontextmanager
async def azure(clock: Clock, _: Path, get: Get) -> AsyncIterator[OpenedStore]:
    """Cosmos on its emulator; what fails is tried again without a pause."""
    from therapy.adapters.azure.cosmos.store import CosmosStore

    emulator = get("cosmos")

    @contextmanager
    def losing() -> Iterator[None]:
        emulator.add(Fault("batch *items", kind="lost"))
        yield
        emulator.clear()

    async with empty_cosmos(emulator, pauses=(0.0, 0.0)) as cosmos:
        yield OpenedStore(CosmosStore(cosmos, clock), losing)


STORES: dict[str, Callable[[Clock, Path, Get], AbstractAsyncContextManager[OpenedStore]]] = {
    "memory": memory,
    "local": local,
    "azure": azure,
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
async def opened_store(
    request: pytest.FixtureRequest, clock: Clock, tmp_path: Path
) -> AsyncIterator[OpenedStore]:
    """Each store in turn, empty."""
    async with STORES[request.param](clock, tmp_path, request.getfixturevalue) as opened:
        yield opened


@pytest.fixture
def store(opened_store: OpenedStore) -> Store:
    return opened_store.store


@pytest.fixture
def losing(opened_store: OpenedStore) -> Losing:
    return opened_store.losing
