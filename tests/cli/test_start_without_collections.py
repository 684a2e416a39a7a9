"""A start does not look again and again through what it has imported; what runs afterwards is collected."""

import json
import subprocess
import sys

import pytest

TOLD = """
import contextlib, gc, json, sys
from therapy.entrypoints.cli import main

before = [each["collections"] for each in gc.get_stats()]
sys.argv = ["therapy", *sys.argv[1:]]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
    main()
after = [each["collections"] for each in gc.get_stats()]
print(json.dumps([after != before, gc.isenabled()]))
"""

SERVED = """
import gc, json, sys
from therapy.entrypoints.cli.server_process import uncollected

before = gc.get_stats()
with uncollected():
    kept = [[each] for each in range(10_000)]
same = gc.get_stats() == before
print(json.dumps([not same, gc.isenabled()]))
"""


def collected(program: str, *arguments: str) -> list[bool]:
    """Return whether garbage was collected meanwhile, and whether it is from now on."""
    said = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer: list[bool] = json.loads(said.stdout)
    return answer


def test_the_list_of_commands_is_shown_without_a_run_of_the_collector() -> None:
    assert collected(TOLD, "--help")[0] is False


@pytest.mark.slow
def test_a_command_has_its_garbage_collected() -> None:
    assert collected(TOLD, "mail", "--help")[1] is True


@pytest.mark.slow
def test_a_part_of_a_start_runs_without_the_collector_which_then_goes_on() -> None:
    assert collected(SERVED) == [False, True]
