"""A program that copies an account of the first layout and is killed: `python -m tests.azure.dying_copy`.

Its arguments are address, key and database, and before what it is killed: `execute_item_batch|9` is the
ninth call of that method of the SDK.
"""

import asyncio
import os
import signal
import sys
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


async def main(uri: str, key: str, database: str) -> None:
    async with open_cosmos(uri, key, database) as cosmos:
        await cosmos.migrate()
        await copy_first_layout(cosmos, lambda: LOOKED_AT)
        print("copied", flush=True)


if __name__ == "__main__":
    method, _, number = sys.argv[4].partition("|")
    die_before(method, int(number))
    asyncio.run(main(*sys.argv[1:4]))
