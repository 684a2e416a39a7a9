"""The stores: which family keeps documents, people and everything that is known of them."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from therapy.config import Settings
from therapy.ports.devices import Devices
from therapy.ports.logins import Logins
from therapy.ports.outbox import Outbox
from therapy.ports.people import People
from therapy.ports.reservations import Reservations
from therapy.ports.runs import Runs
from therapy.ports.session_index import SessionIndex
from therapy.ports.sessions import Sessions
from therapy.ports.uploads import Uploads

if TYPE_CHECKING:
    from therapy.adapters.azure.cosmos.client import Cosmos
    from therapy.adapters.local.sqlite.database import Database

Check = Callable[[], Awaitable[object]]
"""Asks a dependency whether it is there; raises a domain error if not."""


@dataclass(frozen=True)
class Stores:
    """The ports that share a database, and how to ask whether it is there."""

    sessions: Sessions
    runs: Runs
    outbox: Outbox
    session_index: SessionIndex
    people: People
    logins: Logins
    devices: Devices
    uploads: Uploads
    reservations: Reservations
    check: Check


async def open_stores(
    settings: Settings,
    data_dir: Path,
    stack: AsyncExitStack,
    *,
    make: bool = True,
) -> Stores:
    """Open the stores of the chosen family; the stack closes them.

    Unless told otherwise, what is missing in Cosmos is made; SQLite always brings its file up to date.

    Raises:
        Unavailable: they can't be opened; says why.
    """
    if settings.stores == "azure":
        cosmos = await open_database(settings, stack)
        if make:
            await cosmos.prepare()
        return cosmos_stores(cosmos)
    from therapy.adapters.local.sqlite.database import Database

    database = await stack.enter_async_context(Database.open(data_dir / "therapy.sqlite3"))
    return sqlite_stores(database)


async def open_database(settings: Settings, stack: AsyncExitStack) -> "Cosmos":
    """Open the Cosmos database of these settings; the stack closes it."""
    from therapy.adapters.azure.cosmos.client import open_cosmos

    opening = open_cosmos(
        settings.cosmos_uri, settings.cosmos_key or None, settings.cosmos_database
    )
    return await stack.enter_async_context(opening)


def sqlite_stores(database: "Database") -> Stores:
    """Give every store over a SQLite database that is open."""
    from therapy.adapters.local.devices import SqliteDevices
    from therapy.adapters.local.logins import SqliteLogins
    from therapy.adapters.local.outbox import SqliteOutbox
    from therapy.adapters.local.people import SqlitePeople
    from therapy.adapters.local.reservations import SqliteReservations
    from therapy.adapters.local.runs import SqliteRuns
    from therapy.adapters.local.sessions import SqliteSessions
    from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
    from therapy.adapters.local.uploads import SqliteUploads

    return Stores(
        sessions=SqliteSessions(database),
        runs=SqliteRuns(database),
        outbox=SqliteOutbox(database),
        session_index=SqliteSessionIndex(database),
        people=SqlitePeople(database),
        logins=SqliteLogins(database),
        devices=SqliteDevices(database),
        uploads=SqliteUploads(database),
        reservations=SqliteReservations(database),
        check=database.check,
    )


def cosmos_stores(cosmos: "Cosmos") -> Stores:
    """Give every store over a Cosmos database that is open."""
    from therapy.adapters.azure.cosmos.session_index import CosmosSessionIndex
    from therapy.adapters.azure.devices import CosmosDevices
    from therapy.adapters.azure.logins import CosmosLogins
    from therapy.adapters.azure.outbox import CosmosOutbox
    from therapy.adapters.azure.people import CosmosPeople
    from therapy.adapters.azure.reservations import CosmosReservations
    from therapy.adapters.azure.runs import CosmosRuns
    from therapy.adapters.azure.sessions import CosmosSessions
    from therapy.adapters.azure.uploads import CosmosUploads

    return Stores(
        sessions=CosmosSessions(cosmos),
        runs=CosmosRuns(cosmos),
        outbox=CosmosOutbox(cosmos),
        session_index=CosmosSessionIndex(cosmos),
        people=CosmosPeople(cosmos),
        logins=CosmosLogins(cosmos),
        devices=CosmosDevices(cosmos),
        uploads=CosmosUploads(cosmos),
        reservations=CosmosReservations(cosmos),
        check=cosmos.check,
    )
