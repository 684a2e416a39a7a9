"""`therapy` as its script runs it, in this process; and a server in a process of its own."""

import asyncio
import io
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from therapy.config import read_settings
from therapy.entrypoints.cli import main
from therapy.entrypoints.cli.demo_practice import read_seed
from therapy.entrypoints.cli.own_server import Server, environment, running_server
from therapy.entrypoints.cli.seed import seed_practice
from therapy.wiring import open_therapy
from therapy.workflows import authentication
from therapy.workflows.installation import Installation

T = TypeVar("T")

PASSWORD = "a password to try with"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def data(self) -> str:
        """Where the data is, by the one line that says so."""
        (line,) = (each for each in self.stderr.splitlines() if each.startswith("data in "))
        return line.removeprefix("data in ")

    @property
    def errors(self) -> list[str]:
        """The other lines on stderr."""
        return [each for each in self.stderr.splitlines() if not each.startswith("data in ")]


Run = Callable[..., Said]


def bare_environment(data_dir: Path) -> dict[str, str]:
    """Nothing of this machine's settings, so that tests say the same everywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"THERAPY_DATA_DIR": str(data_dir), "COLUMNS": "120"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def run(
    tmp_path: Path,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Run `therapy` as its script does, with nothing but these settings: `run("seed", PORT="x")`."""

    def run_it(*arguments: str, stdin: str = "", **settings: str) -> Said:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", io.StringIO(stdin))
            patched.chdir(tmp_path)
            patched.setattr(os, "environ", bare_environment(data_dir) | settings)
            patched.setattr(sys, "argv", ["therapy", *arguments])
            # Servers set up logging, to a stream that is closed after the test.
            patched.setattr(logging.root, "handlers", [*logging.root.handlers])
            patched.setattr(logging.root, "level", logging.root.level)
            capfd.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capfd.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run_it


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A seeded server of the whole installation, for every test of this file that asks."""
    with seeded_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@contextmanager
def seeded_server(folder: Path, **settings: str) -> Iterator[Server]:
    """A server of the whole installation with the demo practice, and more settings than its own."""
    variables = environment(folder / "data") | settings
    with running_server(folder, variables) as running:
        with_installation(
            folder / "data",
            lambda here: seed_practice(here, read_seed(None), password=PASSWORD, renew=False),
        )
        yield running


def with_installation(data_dir: Path, work: Callable[[Installation], Awaitable[T]]) -> T:
    """Do something with what the command wrote."""

    async def work_with_it() -> T:
        async with open_therapy(read_settings({"THERAPY_DATA_DIR": str(data_dir)})) as opened:
            return await work(opened.installation)

    return asyncio.run(work_with_it())


def signs_in(data_dir: Path, email: str, password: str) -> bool:
    signed_in = with_installation(
        data_dir,
        lambda here: authentication.log_in(
            email, password, records=here.records, sign_in=here.sign_in
        ),
    )
    return signed_in.person.email == email
