"""A cut at every awaited call of every scenario in Azure: nothing is lost, doubled or left over."""

import pytest

from tests.chaos.scenarios import SCENARIOS
from tests.chaos.snapshots import cut_at_every_call
from tests.chaos.trials import Laboratory

pytestmark = pytest.mark.slow(weight=4)  # 2 s of CPU each


@pytest.mark.parametrize("name", SCENARIOS)
async def test_in_azure_a_process_that_dies_at_any_call_loses_and_doubles_nothing(
    name: str, cloud_laboratory: Laboratory
) -> None:
    deaths = await cut_at_every_call(name, "azure", cloud_laboratory)
    assert len(deaths.calls) > 10
