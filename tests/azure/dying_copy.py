"""What copies an account of the first layout in a process of its own, and is killed there.

Before what it is killed is told as `execute_item_batch|9`: the ninth call of that method of the SDK.
"""

import asyncio
import os
import signal
from typing import Any

from azure.cosmos.aio import ContainerProxy

from tests.migrated import LOOKED_AT
from therapy.adapters.azure.cosmos.client import open_cosmos
from therapy.adapters.azure.cosmos.migration import copy_first_layout


def die_before(method: str, times: int) -> None:
    """Kill this process before the nth call of a method of the SDK's containers."""
    original = getattr(ContainerProxy, method)
    calls = iter(range(1, times + 1))

    def watched(self: ContainerProxy, *arguments: Any, **more: Any) -> Any:
        if next(calls, times) == times:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, *arguments, **more)

    setattr(ContainerProxy, method, watched)


async def copy(uri: str, key: str, database: str) -> None:
    async with open_cosmos(uri, key, database) as cosmos:
        await cosmos.migrate()
        await copy_first_layout(cosmos, lambda: LOOKED_AT)


def run(uri: str, key: str, database: str, before: str) -> None:
    """Copy, in a process that is to be killed."""
    method, _, number = before.partition("|")
    die_before(method, int(number))
    asyncio.run(copy(uri, key, database))
