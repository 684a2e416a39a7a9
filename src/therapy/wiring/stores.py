"""Opens the store and the two indexes of the chosen family, and says how each is checked."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from therapy.config import Settings
from therapy.ports import SupportsCheck
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import Store
from therapy.repositories.records import Records
from therapy.wiring.plugin_adapters import open_store_plugin

if TYPE_CHECKING:
    from therapy.adapters.azure.cosmos.client import Cosmos
    from therapy.adapters.local.sqlite.database import Database
Check = Callable[[], Awaitable[object]]
"""Checks that a dependency is available; raises a domain error if not."""

NOBODY = "health"
"""The id of practice, person and device in check calls; no real one has it."""


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def data_dir_of(settings: Settings) -> Path:
    """Return the absolute path of the data directory, which need not be there."""
    return settings.data_dir.expanduser().resolve()


async def nothing_to_ask() -> None:
    """Do nothing: there is nothing outside this process, or no way to check it."""


def check_of(adapter: object, otherwise: Check = nothing_to_ask) -> Check:
    """Return the adapter's own check; `otherwise` if it has none."""
    return adapter.check if isinstance(adapter, SupportsCheck) else otherwise


@dataclass(frozen=True)
class Stores:
    """The ports that share a database, its check, and a `probe`: a cheaper check, for asking often."""

    store: Store
    session_index: SessionIndex
    people_index: PeopleIndex
    check: Check
    probe: Check


async def open_stores(
    settings: Settings,
    data_dir: Path,
    stack: AsyncExitStack,
    *,
    make: bool = True,
) -> Stores:
    """Return the opened stores of the chosen family; the stack closes them.

    With `make`, what is missing in Cosmos is created; SQLite always migrates its file.

    Raises:
        Unavailable: they can't be opened; says why. `first_layout`: `therapy migrate` must copy an older
            program's data in Cosmos before anything may be written.
        SettingsError: a plugin that was chosen can't be used.
    """
    if (plugin := await open_store_plugin(settings, stack)) is not None:
        store, session_index, people_index = plugin
        ask = check_of(store, partial(store.get, NOBODY, NOBODY))
        return Stores(store, session_index, people_index, ask, ask)
    if settings.stores == "azure":
        from therapy.adapters.azure.cosmos.migration import require_current

        cosmos = await open_database(settings, stack)
        await require_current(cosmos)
        if make:
            await cosmos.prepare()
        return cosmos_stores(cosmos)
    from therapy.adapters.local.sqlite.database import FILE_NAME, Database

    keep = timedelta(days=settings.copy_days)
    opening = Database.open(data_dir / FILE_NAME, keep_copies=keep)
    database = await stack.enter_async_context(opening)
    return sqlite_stores(database, pack_from=settings.pack_from)


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[Records | None]:
    """Yield the records alone, to read them; None if this machine's data directory has none. Creates nothing.

    Raises:
        Unavailable, SettingsError: as `open_stores`.
    """
    from therapy.adapters.local.sqlite.database import FILE_NAME

    data_dir = data_dir_of(settings)
    if settings.stores == "local" and not (data_dir / FILE_NAME).exists():
        yield None
        return
    async with AsyncExitStack() as stack:
        stores = await open_stores(settings, data_dir, stack, make=False)
        yield Records(stores.store, now=utc_now, new_id=lambda: uuid.uuid4().hex)


async def open_database(settings: Settings, stack: AsyncExitStack) -> "Cosmos":
    """Return the opened Cosmos database of these settings; the stack closes it."""
    from therapy.adapters.azure.cosmos.client import open_cosmos

    opening = open_cosmos(
        settings.cosmos_uri,
        settings.cosmos_key or None,
        settings.cosmos_database,
        patience=settings.cosmos_throttled,
        throttled_tries=settings.cosmos_tries,
        lag=timedelta(milliseconds=settings.cosmos_lag_ms),
        keep_alive=settings.keep_alive.total_seconds(),
    )
    return await stack.enter_async_context(opening)


def sqlite_stores(
    database: "Database", now: Callable[[], datetime] = utc_now, *, pack_from: int = 0
) -> Stores:
    """Return the stores over an open SQLite database; records from `pack_from` bytes on are deflated."""
    from therapy.adapters.local.sqlite.people_index import SqlitePeopleIndex
    from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
    from therapy.adapters.local.sqlite.store import SqliteStore

    return Stores(
        store=SqliteStore(database, now, pack_from=pack_from),
        session_index=SqliteSessionIndex(database),
        people_index=SqlitePeopleIndex(database),
        check=database.check,
        probe=database.check,
    )


def cosmos_stores(cosmos: "Cosmos", now: Callable[[], datetime] = utc_now) -> Stores:
    """Return the stores over an open Cosmos database."""
    from therapy.adapters.azure.cosmos.people_index import CosmosPeopleIndex
    from therapy.adapters.azure.cosmos.session_index import CosmosSessionIndex
    from therapy.adapters.azure.cosmos.store import CosmosStore

    store = CosmosStore(cosmos, now)
    return Stores(
        store=store,
        session_index=CosmosSessionIndex(cosmos),
        people_index=CosmosPeopleIndex(cosmos),
        check=cosmos.check,
        # One point read; the check reads metadata, of which an account allows 240 RU/s for all its replicas.
        probe=partial(store.get, NOBODY, NOBODY),
    )
