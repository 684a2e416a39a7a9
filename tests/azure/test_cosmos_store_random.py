"""Random steps on two stores over one Cosmos, as if on one: what each remembers is mostly wrong.

Hints count as settled at once, so that they are cleaned and replaced between all the steps.
`STORE_STEPS=5000 pytest -s` on this file takes that many steps and says so.
"""

import asyncio
import itertools
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime

import pytest

from tests.azure.cosmos_items import Items
from therapy.ports.store import MOST_ITEMS, Item, Store, Write
from therapy.testing.store.machine import STEPS, StoreMachine, take_steps

pytestmark = pytest.mark.emulator


class InTurns(Store):
    """Asks one store after the other, call by call."""

    def __init__(self, *stores: Store) -> None:
        self._stores = itertools.cycle(stores)

    async def get(self, partition: str, *ids: str) -> Mapping[str, Item]:
        return await next(self._stores).get(partition, *ids)

    async def list(
        self,
        partition: str,
        prefix: str = "",
        *,
        after: str = "",
        backwards: bool = False,
        limit: int = MOST_ITEMS,
        bodies: bool = True,
    ) -> tuple[Item, ...]:
        return await next(self._stores).list(
            partition, prefix, after=after, backwards=backwards, limit=limit, bodies=bodies
        )

    async def commit(self, partition: str, writes: Sequence[Write]) -> None:
        await next(self._stores).commit(partition, writes)

    async def due(
        self, queues: Collection[str], now: datetime, limit: int, after: Item | None = None
    ) -> tuple[Item, ...]:
        return await next(self._stores).due(queues, now, limit, after)

    async def purge(self, limit: int) -> int:
        return await next(self._stores).purge(limit)


@pytest.mark.slow
@pytest.mark.timeout(300 + STEPS)
async def test_two_that_remember_wrongly_do_together_what_is_done_to_a_dict(settled: Items) -> None:
    store = InTurns(settled.store, settled.other, settled.opened())
    given = {"store": store, "clock": settled.clock, "losing": nullcontext, "steps": 0}
    given |= {"loop": asyncio.get_running_loop(), "examples": itertools.count()}
    machine = type("Machine", (StoreMachine,), given)
    await asyncio.to_thread(take_steps, machine, STEPS)
    print(f"{machine.steps} steps on several stores over one Cosmos")
