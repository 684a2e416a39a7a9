"""The stores of each family, as the program puts them together: a fixture for each.

Gives the fixtures that every suite over records needs: `family_name`, `clock`, `stores` and what is in
them. Nothing else of a family is opened for that.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.contract.azure import empty, empty_cosmos
from tests.emulators.cosmos import Cosmos as CosmosEmulator
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

if TYPE_CHECKING:  # it needs the azure extra
    from therapy.adapters.azure.cosmos.client import Cosmos

__all__ = [
    "another_store",
    "azure_stores",
    "behind",
    "clock",
    "cosmos_database",
    "family_name",
    "local_stores",
    "losing",
    "memory_stores",
    "people_index",
    "session_index",
    "sqlite_file",
    "store",
    "stores",
]

Get = Callable[[str], Any]
Within = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class OpenedStores:
    """Empty stores of one family.

    `another` opens a store of the same items that shares nothing else with `store`, as far as the family
    knows such a thing: what another process has. Within `losing()` the answer to the store's next write is
    lost; none is within a process or a file. Within `behind()` reads are answered as of a minute ago, if
    that can be. `address` is where another process finds the items, {} where none can.
    """

    store: Store
    session_index: SessionIndex
    people_index: PeopleIndex
    another: Callable[[], AbstractAsyncContextManager[Store]]
    losing: Within = nullcontext
    behind: Within | None = None
    address: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory_stores(clock: Clock) -> OpenedStores:
    """The fakes; two processes can't share them."""
    store = MemoryStore(clock)
    return OpenedStores(
        store, MemorySessionIndex(), MemoryPeopleIndex(), lambda: nullcontext(store)
    )


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


@dataclass(frozen=True)
class SqliteFile:
    """An opened database, and another one in which there is nothing but the tables."""

    path: Path
    database: Database
    nothing: sqlite3.Connection

    def clear(self) -> None:
        """Replace what is in the database by nothing, as another process would."""
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            self.nothing.backup(connection)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SqliteFile]:
    """A database for the tests of a file; nothing waits for the disk, which only a power cut would notice."""
    directory = tmp_path_factory.mktemp("stores")
    path, nothing = directory / FILE_NAME, directory / "nothing.sqlite3"
    for each in (path, nothing):
        each.write_bytes(await empty_database())
    with closing(sqlite3.connect(nothing)) as connection:
        async with Database.open(path, synchronous="OFF") as database:
            yield SqliteFile(path, database, connection)


@pytest.fixture
def local_stores(clock: Clock, sqlite_file: SqliteFile) -> OpenedStores:
    """SQLite."""
    sqlite_file.clear()

    @asynccontextmanager
    async def another() -> AsyncIterator[Store]:
        async with Database.open(sqlite_file.path, synchronous="OFF") as other:
            yield sqlite_stores(other, clock).store

    opened = sqlite_stores(sqlite_file.database, clock)
    return OpenedStores(
        opened.store,
        opened.session_index,
        opened.people_index,
        another,
        address={"path": str(sqlite_file.path)},
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cosmos_database(cosmos_server: CosmosEmulator) -> "AsyncIterator[Cosmos]":
    """A database for the tests of a file: to open one takes longer than most of them."""
    # Failed calls are repeated without a pause.
    async with empty_cosmos(cosmos_server, pauses=(0.0, 0.0)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def azure_stores(
    clock: Clock, cosmos: CosmosEmulator, cosmos_database: "Cosmos"
) -> OpenedStores:
    """The real SDK against the emulator."""
    from therapy.adapters.azure.cosmos.client import open_cosmos

    await empty(cosmos, cosmos_database)

    @contextmanager
    def within(fault: Fault) -> Iterator[None]:
        cosmos.add(fault)
        try:
            yield
        finally:
            cosmos.clear()

    @asynccontextmanager
    async def another() -> AsyncIterator[Store]:
        async with open_cosmos(cosmos.url, cosmos.key, cosmos_database.database.id) as other:
            yield cosmos_stores(other, clock).store

    opened = cosmos_stores(cosmos_database, clock)
    return OpenedStores(
        opened.store,
        opened.session_index,
        opened.people_index,
        another,
        lambda: within(Fault("batch *items", kind="lost")),
        lambda: within(Fault("* practice-*", kind="stale", seconds=60, times=None)),
        address={"uri": cosmos.url, "key": cosmos.key, "database": cosmos_database.database.id},
    )


@pytest.fixture(params=["memory", "local", "azure"])
def family_name(request: pytest.FixtureRequest) -> str:
    """The name of each family in turn."""
    return request.param


@pytest.fixture
def stores(family_name: str, request: pytest.FixtureRequest) -> OpenedStores:
    """The stores of the family, empty."""
    return request.getfixturevalue(f"{family_name}_stores")


@pytest.fixture
def store(stores: OpenedStores) -> Store:
    return stores.store


@pytest.fixture
def losing(stores: OpenedStores) -> Within:
    return stores.losing


@pytest.fixture
def another_store(
    stores: OpenedStores,
) -> Callable[[], AbstractAsyncContextManager[Store]]:
    return stores.another


@pytest.fixture
def behind(stores: OpenedStores) -> Within | None:
    return stores.behind


@pytest.fixture
def session_index(stores: OpenedStores) -> SessionIndex:
    return stores.session_index


@pytest.fixture
def people_index(stores: OpenedStores) -> PeopleIndex:
    return stores.people_index
