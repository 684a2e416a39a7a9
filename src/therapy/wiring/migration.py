"""The end of a migration: what it made, what it left behind, and deleting that."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from therapy.config import Settings
from therapy.wiring.stores import data_dir_of, open_database


@dataclass(frozen=True)
class Leftovers:
    """What a migration left behind until all is well: in words, and one by one."""

    what: str
    names: tuple[str, ...] = ()


async def left_to_finish(settings: Settings) -> Leftovers:
    """Return what was migrated but still exists: containers in Cosmos, or copies of the database here.

    Raises:
        Unavailable: it can't be read, or was not migrated, or was written to since; says which.
    """
    if settings.stores == "local":
        from therapy.adapters.local.sqlite.migration_outcome import copies_of

        copies = await asyncio.to_thread(copies_of, _database(settings))
        return Leftovers(
            "copies of the database from before its migration", tuple(map(str, copies))
        )
    what = "containers of the first layout, which were copied"
    if settings.stores != "azure":
        return Leftovers(what)
    from therapy.adapters.azure.cosmos import migration

    async with AsyncExitStack() as stack:
        database = await open_database(settings, stack)
        return Leftovers(what, await migration.left_to_finish(database))


async def finish(settings: Settings) -> None:
    """Delete for good what `left_to_finish` returns. Idempotent.

    Raises:
        Unavailable: as `left_to_finish`, or this identity may not delete containers.
    """
    if settings.stores == "local":
        from therapy.adapters.local.sqlite import migration_outcome

        await asyncio.to_thread(migration_outcome.finish, _database(settings))
        return
    from therapy.adapters.azure.cosmos import migration

    async with AsyncExitStack() as stack:
        await migration.finish(await open_database(settings, stack))


def local_contents(settings: Settings) -> tuple[int, Mapping[str, int]]:
    """Return the layout of the database on this machine (0 = none), and its records by kind if it is current.

    Raises:
        Unavailable: it can't be read.
    """
    if settings.stores != "local":
        return 0, {}
    from therapy.adapters.local.sqlite.migration_outcome import contents_of

    return contents_of(_database(settings))


def _database(settings: Settings) -> Path:
    from therapy.adapters.local.sqlite.database import FILE_NAME

    return data_dir_of(settings) / FILE_NAME
