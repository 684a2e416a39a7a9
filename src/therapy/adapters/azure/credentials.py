"""The machine's own Azure identity, for services without a key: the one place that creates it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@asynccontextmanager
async def machine_identity() -> AsyncIterator["AsyncTokenCredential"]:
    """Yield managed identity, workload identity, or who is signed in on a developer's machine."""
    from azure.identity.aio import DefaultAzureCredential

    async with DefaultAzureCredential() as credential:
        yield credential
