"""A cut at every awaited call of every scenario, then a restart: nothing is lost, doubled or left over.

Every call is cut in memory, some of them on disk and in Azure. `make chaos` cuts each there, by kill -9.
"""

from collections.abc import Iterator

import pytest

from tests.chaos.scenarios import SCENARIOS
from tests.chaos.steps import Cut
from tests.chaos.trials import Laboratory, Trial

pytestmark = pytest.mark.slow

DEATHS = (Cut.DIES_BEFORE, Cut.DIES_AFTER)
FAILURES = (Cut.FAILS, Cut.ANSWER_LOST)

every_scenario = pytest.mark.parametrize("name", SCENARIOS)

ON_DISK = 3
"""Of so many calls, one is cut on disk here; a trial costs 25 ms of CPU, and 8 in memory."""

IN_AZURE = {"tus upload": (8, 29), "pipeline": (24,), "submit": (10,), "cancel and erase": (6, 11)}
"""Calls that are cut in Azure here: a trial costs half a second."""


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
async def test_a_store_that_fails_between_any_two_writes_loses_and_doubles_nothing(
    name: str, laboratory: Laboratory
) -> None:
    calls = await laboratory.in_process(Trial(name, "memory"))
    for at in store_calls(calls):
        for cut in FAILURES if calls[at].startswith("store.commit") else FAILURES[:1]:
            await laboratory.in_process(Trial(name, "memory", at, cut))


@every_scenario
async def test_on_disk_a_process_that_dies_at_any_call_leaves_no_file(
    name: str, laboratory: Laboratory
) -> None:
    calls = await laboratory.in_process(Trial(name, "local"))
    for at in range(len(name) % ON_DISK, len(calls), ON_DISK):
        await laboratory.in_process(Trial(name, "local", at, DEATHS[at % 2]))


@pytest.mark.parametrize("name", IN_AZURE)
async def test_in_azure_a_process_that_dies_leaves_no_block(
    name: str, cloud_laboratory: Laboratory
) -> None:
    for at in IN_AZURE[name]:
        await cloud_laboratory.in_process(Trial(name, "azure", at, DEATHS[at % 2]))
