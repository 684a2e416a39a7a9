"""The end of a migration: old containers in Cosmos that were copied, and deleting them."""

from contextlib import AsyncExitStack

from therapy.config import Settings
from therapy.wiring.stores import open_database


async def left_to_finish(settings: Settings) -> tuple[str, ...]:
    """Return the names of old containers that were copied but still exist.

    Raises:
        Unavailable: Cosmos can't be reached, or they were not copied, or were written to since; says which.
    """
    if settings.stores != "azure":
        return ()
    from therapy.adapters.azure.cosmos import migration

    async with AsyncExitStack() as stack:
        return await migration.left_to_finish(await open_database(settings, stack))


async def finish(settings: Settings) -> None:
    """Delete the old containers for good. Idempotent.

    Raises:
        Unavailable: as `left_to_finish`, or this identity may not delete containers.
    """
    from therapy.adapters.azure.cosmos import migration

    async with AsyncExitStack() as stack:
        await migration.finish(await open_database(settings, stack))
