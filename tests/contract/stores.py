"""The stores of each family, as the program puts them together: a function and an entry in STORES each.

Gives the fixtures that every suite over records needs: `family_name`, `clock`, `stores` and what is in
them. Nothing else of a family is opened for that.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from contextlib import nullcontext as nothing_is_lost
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.contract.azure import empty_cosmos
from tests.emulators.faults import Fault
from therapy.adapters.local.sqlite.database import FILE_NAME, Database
from therapy.adapters.memory.people_index import MemoryPeopleIndex
from therapy.adapters.memory.session_index import MemorySessionIndex
from therapy.adapters.memory.store import MemoryStore
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import Store
from therapy.testing.clock import Clock
from therapy.wiring.stores import cosmos_stores, sqlite_stores

__all__ = [
    "clock",
    "family_name",
    "losing",
    "people_index",
    "session_index",
    "store",
    "stores",
]

Get = Callable[[str], Any]
Losing = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class OpenedStores:
    """Empty stores of one family.

    `replica` holds the same items as `store` and shares nothing else with it, as far as the family knows
    such a thing: what another process has. Within `losing()` the answer to the store's next write is lost,
    which it must survive. `address` is where another process finds the items, {} where none can.
    """

    store: Store
    session_index: SessionIndex
    people_index: PeopleIndex
    replica: Store
    losing: Losing = nothing_is_lost
    address: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def memory(clock: Clock, _: Path, __: Get) -> AsyncIterator[OpenedStores]:
    """The fakes; two processes can't share them."""
    store = MemoryStore(clock)
    yield OpenedStores(store, MemorySessionIndex(), MemoryPeopleIndex(), store)


_EMPTY: list[bytes] = []


async def empty_database() -> bytes:
    """Return an SQLite file with nothing in it but the tables, made once in a process."""
    if not _EMPTY:
        with TemporaryDirectory() as name:
            path = Path(name) / FILE_NAME
            async with Database.open(path, synchronous="OFF"):
                pass
            _EMPTY.append(path.read_bytes())
    return _EMPTY[0]


@asynccontextmanager
async def local(clock: Clock, directory: Path, _: Get) -> AsyncIterator[OpenedStores]:
    """SQLite; nothing waits for the disk, which only a power cut would notice."""
    path = directory / FILE_NAME
    path.write_bytes(await empty_database())
    async with (
        Database.open(path, synchronous="OFF") as database,
        Database.open(path, synchronous="OFF") as other,
    ):
        opened, replica = sqlite_stores(database, clock), sqlite_stores(other, clock)
        yield OpenedStores(
            opened.store,
            opened.session_index,
            opened.people_index,
            replica.store,
            address={"path": str(path)},
        )


@asynccontextmanager
async def azure(clock: Clock, _: Path, get: Get) -> AsyncIterator[OpenedStores]:
    """The real SDK against the emulator. Failed calls are repeated without a pause."""
    emulator = get("cosmos")

    @contextmanager
    def losing() -> Iterator[None]:
        emulator.add(Fault("batch *items", kind="lost"))
        yield
        emulator.clear()

    async with empty_cosmos(emulator, pauses=(0.0, 0.0)) as cosmos:
        opened, replica = cosmos_stores(cosmos, clock), cosmos_stores(cosmos, clock)
        yield OpenedStores(
            opened.store,
            opened.session_index,
            opened.people_index,
            replica.store,
            losing,
            address={"uri": emulator.url, "key": emulator.key, "database": cosmos.database.id},
        )


STORES: dict[str, Callable[[Clock, Path, Get], AbstractAsyncContextManager[OpenedStores]]] = {
    "memory": memory,
    "local": local,
    "azure": azure,
}


@pytest.fixture(params=STORES)
def family_name(request: pytest.FixtureRequest) -> str:
    """The name of each family in turn."""
    return request.param


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stores(
    family_name: str, clock: Clock, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[OpenedStores]:
    """The stores of the family, empty."""
    async with STORES[family_name](clock, tmp_path, request.getfixturevalue) as opened:
        yield opened


@pytest.fixture
def store(stores: OpenedStores) -> Store:
    return stores.store


@pytest.fixture
def losing(stores: OpenedStores) -> Losing:
    return stores.losing


@pytest.fixture
def session_index(stores: OpenedStores) -> SessionIndex:
    return stores.session_index


@pytest.fixture
def people_index(stores: OpenedStores) -> PeopleIndex:
    return stores.people_index
