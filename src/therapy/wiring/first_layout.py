"""The end of a migration: the containers in Cosmos that an older program left, and that were copied."""

from contextlib import AsyncExitStack

from therapy.config import Settings
from therapy.wiring.stores import open_database


async def left_to_finish(settings: Settings) -> tuple[str, ...]:
    """Return the names of old containers that are still there, although they were copied; () if none is.

    Raises:
        Unavailable: out of reach, or they were not copied, or written to since; says which.
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
