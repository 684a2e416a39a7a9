"""Processes that are killed in the middle of their work (kill -9), and others that go on with it.

A backup and a restore are killed before each of their operations on files, others here and there. `make
chaos` kills each at every call; tests/http/test_kill.py kills the whole server at random moments.
"""

import pytest

from tests.chaos import backups
from tests.chaos.steps import Cut
from tests.chaos.trials import Laboratory, Trial

pytestmark = pytest.mark.slow

ON_DISK = {
    "upload in one request": (1, 3),
    "tus upload": (1, 2),
    "pipeline": (2,),
    "submit": (1,),
    "second recording": (4,),
    "cancel and erase": (1,),
}
IN_AZURE = {"tus upload": (3,), "submit": (2,)}
"""Which of a scenario's commits are not begun, or done and then nothing more."""


@pytest.mark.parametrize("name", ON_DISK)
async def test_a_process_that_is_killed_leaves_no_file(name: str, laboratory: Laboratory) -> None:
    for at in await commits(name, ON_DISK[name], laboratory):
        await laboratory.by_kill(Trial(name, "local", at, Cut.DIES_BEFORE))


@pytest.mark.parametrize("name", IN_AZURE)
async def test_in_azure_a_process_that_is_killed_leaves_no_block(
    name: str, cloud_laboratory: Laboratory
) -> None:
    for at in await commits(name, IN_AZURE[name], cloud_laboratory):
        await cloud_laboratory.by_kill(Trial(name, "azure", at, Cut.DIES_AFTER))


async def commits(name: str, which: tuple[int, ...], laboratory: Laboratory) -> list[int]:
    """Return the numbers of some commits among a scenario's calls, which are the same in every family."""
    calls = await laboratory.in_process(Trial(name, "memory"))
    numbers = [at for at, call in enumerate(calls) if call.startswith("store.commit")]
    return [numbers[each] for each in which]


@pytest.mark.parametrize("name", backups.WORKS)
async def test_a_backup_or_restore_that_is_killed_is_whole_after_the_next(
    name: str, laboratory: Laboratory
) -> None:
    operations = await backups.operations(name, laboratory)
    assert operations > 10
    for at in range(operations):
        await backups.killed(name, at, laboratory)
