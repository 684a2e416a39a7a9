"""docs/reference/cosmos.md is true: each call makes the requests that its table says, and none asks all."""

import runpy
from pathlib import Path

import pytest

from tests.azure.cosmos_stores import Life, Stores

pytestmark = pytest.mark.emulator

ROOT = Path(__file__).resolve().parents[2]
COSTS = runpy.run_path(str(ROOT / "scripts" / "cosmos_costs.py"))["COSTS"]
SAID = {cost.call: cost.counts() for cost in COSTS}


async def test_each_call_makes_the_requests_that_the_page_says(stores: Stores) -> None:
    made, crossing = {}, []
    for name, call in Life(stores).calls():
        stores.emulator.clear()
        await call()
        if name:
            made[name] = stores.operations()
        if stores.emulator.cross_partition():
            crossing.append(name)
    assert made == SAID
    assert crossing == []
