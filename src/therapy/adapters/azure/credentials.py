"""The machine's own identity, for whatever is reached without a key: the one place that makes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@asynccontextmanager
async def machine_identity() -> AsyncIterator["AsyncTokenCredential"]:
    """Managed identity, workload identity, or whoever is signed in on a developer's machine."""
    from azure.identity.aio import DefaultAzureCredential

    async with DefaultAzureCredential() as credential:
        yield credential
