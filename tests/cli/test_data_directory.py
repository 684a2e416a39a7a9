"""Where the data is: outside the current directory, unless it is there already; every command says where."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Run, Said

DANA = ("--role", "therapist", "--email", "dana@example.health", "--name", "Dana Levi")
FILE = "therapy.sqlite3"


def at_home(run: Run, home: Path, *arguments: str) -> Said:
    """Run a command where nothing says which directory; `home` is the user's."""
    return run(*arguments, THERAPY_DATA_DIR="", HOME=str(home), XDG_DATA_HOME="")


def test_data_is_kept_outside_the_current_directory_and_found_from_every_other(
    run: Run, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    added = at_home(run, home, "user", "add", *DANA)
    assert added.returncode == 0, added.stderr
    (file,) = tmp_path.rglob(FILE)
    assert file.is_relative_to(home)
    assert added.data == f"{file.parent} (new)"
    listed = at_home(run, home, "user", "list")
    assert listed.data == str(file.parent)
    assert "Dana Levi" in listed.stdout


def test_what_an_earlier_version_kept_in_the_current_directory_is_used_and_it_is_said(
    run: Run, tmp_path: Path
) -> None:
    home, former = tmp_path / "home", tmp_path / "therapy-data"
    assert run("user", "add", *DANA, THERAPY_DATA_DIR="therapy-data").returncode == 0
    listed = at_home(run, home, "user", "list")
    assert "Dana Levi" in listed.stdout
    assert listed.data.startswith(f"{former} (made here by an earlier version;")
    assert not list(home.rglob(FILE))
    usual = str(home / ".local/share/therapy")
    assert run("user", "add", *DANA, THERAPY_DATA_DIR=usual).returncode == 0
    both = at_home(run, home, "mail").data
    assert both.startswith(f"{former} (made here by an earlier version; {usual} is there, too")


def test_a_link_to_a_disk_that_is_missing_is_not_taken_for_no_data(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "therapy-data").symlink_to(tmp_path / "no disk" / "data")
    at_home(run, tmp_path / "home", "user", "list")
    said = at_home(run, tmp_path / "home", "user", "add", *DANA)
    assert not list((tmp_path / "home").rglob(FILE))
    assert "no disk" in said.data


@pytest.mark.parametrize(
    "command",
    [
        *("user list", "practice show", "mail", "seed", "migrate", "migrate --finish --yes"),
        *("user disable a@b.example", "user remove a@b.example --yes"),
    ],
)
def test_every_command_on_data_says_which_in_one_line(
    command: str, run: Run, data_dir: Path
) -> None:
    assert run(*command.split()).data == f"{data_dir} (new)"


def test_a_directory_that_is_named_is_used_even_if_there_is_a_former_one(
    run: Run, tmp_path: Path, data_dir: Path
) -> None:
    (tmp_path / "therapy-data").mkdir()
    assert run("user", "list").data == f"{data_dir} (new)"


@pytest.mark.parametrize("command", ["user list", "mail", "seed", "check", "migrate"])
def test_a_file_in_place_of_the_directory_is_named_with_what_to_do(
    command: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    said = run(*command.split(), THERAPY_DATA_DIR=str(tmp_path / "file"))
    assert said.returncode == 1
    (error,) = said.errors
    assert error.startswith(f"therapy: {tmp_path / 'file'} is no directory: THERAPY_DATA_DIR")


def test_a_directory_that_cannot_be_made_is_named_with_the_setting(run: Run) -> None:
    said = run("seed", THERAPY_DATA_DIR="/proc/nowhere/data")
    assert said.returncode == 1
    (error,) = said.errors
    assert "/proc/nowhere" in error
    assert "set THERAPY_DATA_DIR to a directory" in error


def test_a_bare_install_reads_settings_too(tmp_path: Path) -> None:
    (tmp_path / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    sources = Path(__file__).resolve().parent.parent.parent / "src"
    ran = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            "from therapy.config import *; print(read_settings({}).data_dir)",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{sources}:{tmp_path}"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == str(tmp_path / "therapy-data")
