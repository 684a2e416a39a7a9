"""New users' walks: the pages' own blocks, run in order in a folder like a checkout, with one server."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walks.pages import Reader
from tests.walks.terminal import ServerTerminal

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how-to"
AS_THEY_ARE = ("Makefile", "pyproject.toml", "requirements", "examples", "scripts")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, ("bash", "curl", "make"))), reason="needs bash, curl and make"
    ),
]


def checkout(folder: Path) -> Path:
    """Make a folder like a checkout in which everything is installed: this Python stands for its `.venv`."""
    for name in AS_THEY_ARE:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / ".embedded").touch()
    return folder


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader in a folder like a checkout, with nothing of this machine's settings.

    The uv that this checkout has is on their path: `make` would ask the index for another.
    """
    folder, blocks = (
        checkout(tmp_path_factory.mktemp("checkout")),
        tmp_path_factory.mktemp("blocks"),
    )
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": f"{os.environ['PATH']}:{ROOT / '.tools' / 'bin'}",
        "HOME": str(home),
        "THERAPY_DATA_DIR": str(home / "data"),
        "PORT": "0",
        "COLUMNS": "160",
    }
    server = ServerTerminal(folder, environment, blocks)
    yield Reader(folder, environment, blocks, server)
    server.interrupt()


def test_the_clinic_developer_tries_it_as_the_pages_say_and_then_runs_it(reader: Reader) -> None:
    """README, its first link, and the page for those who run it; in another order seeding is refused."""
    readme = reader.follow(ROOT / "README.md", "Two commands")
    assert (readme.ran, len(readme.skipped)) == (1, 1)
    upload = reader.follow(HOW_TO / "upload-a-session.md")
    assert (upload.ran, upload.skipped) == (18, [])
    run = reader.follow(HOW_TO / "run.md", "Run it")
    assert (run.ran, len(run.skipped)) == (2, 1)


def test_the_app_developer_makes_a_client_and_sees_what_was_uploaded(reader: Reader) -> None:
    """After the walk before, whose calls are those of the app; run alone, that one comes first."""
    if not reader.has_followed(HOW_TO / "upload-a-session.md"):
        reader.follow(HOW_TO / "upload-a-session.md")
    client = reader.follow(HOW_TO / "generate-a-client.md", installed=True)
    assert (client.ran, len(client.skipped)) == (3, 2)


def test_the_library_user_writes_an_adapter_and_uses_it_in_memory_and_on_disk(
    tmp_path: Path,
) -> None:
    folder, blocks = tmp_path / "program", tmp_path / "blocks"
    folder.mkdir()
    blocks.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    reader = Reader(folder, environment, blocks, ServerTerminal(folder, environment, blocks))
    adapter = reader.follow(HOW_TO / "an-adapter-in-your-program.md", installed=True)
    assert (adapter.ran, len(adapter.skipped)) == (4, 1)
