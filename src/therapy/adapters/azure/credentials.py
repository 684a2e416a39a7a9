"""The machine's own Azure identity, for services without a key: the one place that creates it.

Whoever uses it in the same event loop gets the same object, so that a token is fetched once and not by each
adapter, and a machine's limit on asking for them is not reached at a start.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential


@dataclass
class _Shared:
    """A credential, and how many use it: the last one closes it."""

    credential: "AsyncTokenCredential"
    users: int = 0


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


@asynccontextmanager
async def machine_identity() -> AsyncIterator["AsyncTokenCredential"]:
    """Yield managed identity, workload identity, or who is signed in on a developer's machine."""
    from azure.identity.aio import DefaultAzureCredential

    loop = asyncio.get_running_loop()
    shared = _shared.get(loop)
    if shared is None:
        shared = _shared[loop] = _Shared(DefaultAzureCredential())
    shared.users += 1
    try:
        yield shared.credential
    finally:
        shared.users -= 1
        if not shared.users:
            del _shared[loop]
            await shared.credential.close()
