"""A cut at every awaited call of every scenario, then a restart: nothing is lost, doubled or left over.

In memory and on disk a process dies at each call, in memory the store fails at each, too; in Azure see
`test_every_step_in_azure`. `make chaos` cuts each call on disk and in Azure by kill -9.
"""

from collections.abc import Iterator

import pytest

from tests.chaos.scenarios import SCENARIOS
from tests.chaos.snapshots import cut_at_every_call
from tests.chaos.steps import Cut
from tests.chaos.trials import Laboratory, Trial

pytestmark = pytest.mark.slow

FAILURES = (Cut.FAILS, Cut.ANSWER_LOST)

every_scenario = pytest.mark.parametrize("name", SCENARIOS)


def store_calls(calls: list[str]) -> Iterator[int]:
    """Yield the numbers of the calls of the store."""
    return (at for at, call in enumerate(calls) if call.startswith("store."))


async def test_without_a_cut_the_calls_of_every_port_are_counted(laboratory: Laboratory) -> None:
    called = set()
    for name in SCENARIOS:
        called |= set(await laboratory.in_process(Trial(name, "memory")))
    assert {call.partition(".")[0] for call in called} == {
        *("store", "session_index", "recordings", "doorbell", "push"),
        *("audio", "speech", "sentiment", "insights"),
    }


@every_scenario
async def test_a_process_that_dies_at_any_call_loses_and_doubles_nothing(
    name: str, laboratory: Laboratory
) -> None:
    calls = await laboratory.in_process(Trial(name, "memory"))
    assert len(calls) > 10
    for at in range(len(calls)):  # after a call is before the next one
        await laboratory.in_process(Trial(name, "memory", at, Cut.DIES_BEFORE))
    await laboratory.in_process(Trial(name, "memory", len(calls) - 1, Cut.DIES_AFTER))


@every_scenario
async def test_on_disk_a_process_that_dies_at_any_call_leaves_no_file(
    name: str, laboratory: Laboratory
) -> None:
    deaths = await cut_at_every_call(name, "local", laboratory)
    assert len(deaths.calls) > 10


@every_scenario
async def test_a_store_that_fails_between_any_two_writes_loses_and_doubles_nothing(
    name: str, laboratory: Laboratory
) -> None:
    calls = await laboratory.in_process(Trial(name, "memory"))
    for at in store_calls(calls):
        for cut in FAILURES if calls[at].startswith("store.commit") else FAILURES[:1]:
            await laboratory.in_process(Trial(name, "memory", at, cut))
