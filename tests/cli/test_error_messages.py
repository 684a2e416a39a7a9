"""What goes wrong is one plain line and an exit code, never a traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run, bare_environment
from therapy.domain.errors import LanguageNotSupported, StorageFull, Unavailable
from therapy.entrypoints.cli.faults.error_messages import explained
from therapy.entrypoints.cli.faults.installation import how_to_install

ROOT = Path(__file__).resolve().parent.parent.parent
WITHOUT = """
import sys
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nowhere())
sys.argv = ["therapy", *{arguments!r}]
from therapy.entrypoints.cli import main
main()
"""


def without(tmp_path: Path, missing: set[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(missing=missing, arguments=arguments)
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=bare_environment(tmp_path / "data"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("--help",), ("serve",), ("demo",), ("nonsense",)])
def test_a_bare_install_names_the_extra_to_add(arguments: tuple[str, ...], tmp_path: Path) -> None:
    libraries = {"rich", "click", "rich_click", "dotenv", "litestar", "uvicorn", "httpx", "av"}
    said = without(tmp_path, libraries, *arguments)
    assert said.returncode == 2
    assert "pip install " in said.stderr
    assert f"{ROOT}[http,worker,local]" in said.stderr
    assert len(said.stderr.splitlines()) == 1
    assert said.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("httpx", ("flow", "--help"), "http"),
        ("av", ("seed",), "local"),
        ("uvicorn", ("serve", "--port", "0"), "http"),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(
    missing: str, arguments: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    said = without(tmp_path, {missing}, *arguments)
    assert said.returncode == 2
    assert missing in said.stderr
    assert f"{ROOT}[{extra}]" in said.stderr
    assert "Traceback" not in said.stderr


def test_what_is_advised_installs_from_where_this_came_from(tmp_path: Path) -> None:
    wheel = tmp_path / "my wheels" / "therapy-0.1.0-py3-none-any.whl"
    own = tmp_path / ".tools/bin/uv"
    own.parent.mkdir(parents=True)
    own.write_text("")
    python = f"{sys.executable} -m pip install"
    advice = {
        str(wheel): f"{python} '{wheel}[local]'",
        str(ROOT): f"{python} -e '{ROOT}[local]'",
        "": f"{python} '.[local]' in the checkout, or {python} '<the wheel>[local]'",
    }
    for origin, told in advice.items():
        assert how_to_install("therapy[local]", lambda origin=origin: origin, has_pip=True) == told
    without_pip = how_to_install("local", lambda: str(tmp_path), has_pip=False)
    assert f"pip install --python {sys.executable} -e '{tmp_path}[local]'" in without_pip
    assert "uv " in without_pip


def test_faulty_settings_are_all_named_at_once(run: Run) -> None:
    said = run("user", "list", PORT="soon", THERAPY_LEASE_SECONDS="0")
    assert said.returncode == 2
    assert "PORT" in said.stderr
    assert "THERAPY_LEASE_SECONDS" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_dot_env_file_is_read_while_developing_and_not_in_production(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=soon\n")
    assert run("user", "list").returncode == 2
    assert run("user", "list", PORT="0").returncode == 0, "what is set wins over the file"
    assert run("user", "list", THERAPY_ENV="production").returncode == 0


def test_a_data_directory_that_cannot_be_made_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = run("seed", THERAPY_DATA_DIR=str(tmp_path / "file" / "data"))
    assert said.returncode == 1
    assert len(said.errors) == 1
    assert "Traceback" not in said.stderr


def test_an_error_is_told_with_its_advice_and_its_code() -> None:
    assert explained(StorageFull()) == (
        "There is no room to store anything more right now. "
        "Make room on the disk that is written to, or in the account. [storage_full]"
    )


def test_a_volume_of_somebody_else_is_named_with_who_we_are() -> None:
    error = Unavailable(reason="PermissionError")
    error.__cause__ = PermissionError(errno.EACCES, "Permission denied", "/data/therapy.sqlite3")
    told = f"Permission denied: /data/therapy.sqlite3 (as user {os.geteuid()})"
    assert explained(error) == told
    error.__cause__ = OSError(errno.EROFS, "Read-only file system", "/data/therapy.sqlite3")
    assert explained(error) == "Read-only file system: /data/therapy.sqlite3"
    error.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    assert "[unavailable" in explained(error)


def test_hebrew_that_was_not_recognised_says_how_to_have_it_recognised() -> None:
    said = explained(LanguageNotSupported(languages="he-IL"))
    assert f"`{how_to_install('hebrew')}`, then THERAPY_SPEECH_MODEL=auto" in said
    assert "THERAPY_SPEECH_MODEL" not in explained(LanguageNotSupported(languages="en-US"))
