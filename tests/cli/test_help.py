"""`--help` teaches: what a command does, an example, what one sees."""

import inspect
import shlex
import subprocess
import sys

import pytest

from tests.cli.conftest import Run
from therapy.entrypoints.cli.command_group import COMMANDS as LISTED

COMMANDS = [
    "demo",
    "transcribe",
    "serve",
    "worker",
    "all",
    "check",
    "flow",
    "migrate",
    "backup",
    "restore",
    "doctor",
    "reindex",
    "sessions list",
    "sessions show",
    "sessions retry",
    "sessions cancel",
    "seed",
    "practice show",
    "practice set",
    "user add",
    "user list",
    "user rename",
    "user reset",
    "user remove",
    "user disable",
    "user enable",
    "mail",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_says_what_one_sees(
    command: str, run: Run
) -> None:
    said = run(*command.split(), "--help")
    assert said.returncode == 0
    assert "Example" in said.stdout
    assert "You see" in said.stdout
    assert said.stdout.count(f"therapy {command}") >= 2  # the usage, and the example


@pytest.mark.parametrize("command", ["user", "user add"])
def test_an_example_can_be_copied_from_a_narrow_terminal(command: str, run: Run) -> None:
    lines = [each.rstrip() for each in run(*command.split(), "--help").stdout.splitlines()]
    begun = next(at for at, each in enumerate(lines) if "therapy user add --role" in each)
    end = begun + 1
    while lines[end - 1].endswith("\\"):
        end += 1
    words = shlex.split("\n".join(lines[begun:end]))
    assert words[-1] in {"Dana Levi", "300000015"}
    assert max(len(each) for each in lines[begun:end]) <= 78


def test_the_help_of_therapy_names_every_command_and_where_to_begin(run: Run) -> None:
    said = run("--help")
    assert "Start with" in said.stdout
    for command in COMMANDS:
        assert command.split()[0] in said.stdout


def test_the_help_of_flow_names_the_variable_that_its_password_may_be_in(run: Run) -> None:
    assert "THERAPY_FLOW_PASSWORD" in run("flow", "--help").stdout


def test_the_version_is_the_installed_one(run: Run) -> None:
    from importlib.metadata import version

    assert version("therapy") in run("--version").stdout


def test_an_example_of_several_lines_can_be_pasted(run: Run) -> None:
    (line,) = (
        each for each in run("flow", "--help").stdout.splitlines() if "--base-url http" in each
    )
    assert line.rstrip().endswith(":8000 \\")


def test_the_list_of_commands_has_the_first_sentence_of_the_help_of_each() -> None:
    helps = {name: inspect.cleandoc(each.load().help or "") for name, each in LISTED.items()}
    firsts = {name: each.split("\n\n")[0].replace("\n", " ") for name, each in helps.items()}
    assert {name: each.about for name, each in LISTED.items()} == firsts


def test_the_list_of_commands_imports_none_of_them_and_no_library_of_theirs() -> None:
    look = (
        "import runpy, sys; sys.argv[1:] = ['--help']\n"
        "try: runpy.run_module('therapy.entrypoints.cli', run_name='__main__')\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )
    said = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True, timeout=60
    )
    packages = {each.partition(".")[0] for each in said.stderr.split()}
    ours = {each for each in said.stderr.split() if each.startswith("therapy.")}
    assert "Usage" in said.stdout
    assert packages & {"asyncio", "httpx", "litestar", "msgspec", "azure", "taskiq"} == set()
    assert ours & {"therapy.config", "therapy.wiring", "therapy.workflows"} == set()
