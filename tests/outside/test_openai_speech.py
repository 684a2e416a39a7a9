"""The adapter of examples/ in an environment of its own, where nothing of this checkout is.

What is installed comes from .tools/wheels and from wheels built here; no index is asked.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import media
from therapy.entrypoints.cli.accuracy import speaker_share, word_error_rate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "openai-speech"
DEMO = ROOT / "examples" / "session-demo.ogg"
NOTHING_REWRITTEN = ("--assert=plain", "--showlocals", "-p", "no:hypothesispytest")
"""Otherwise pytest parses and rewrites all of Hypothesis, which these tests don't use."""
WHEELS = ROOT / ".tools" / "wheels"


@dataclass(frozen=True)
class Outside:
    """An environment with the library and the adapter in it, and a folder with the adapter's tests."""

    bin: Path
    folder: Path

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment(**environment),
        )

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of this machine's settings, nor of this checkout's."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {"THERAPY_DATA_DIR": str(self.folder / "data"), "COLUMNS": "160"} | more


def uv() -> str:
    return shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")


def succeed(*command: str | Path, cwd: Path = ROOT) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    if not (WHEELS / ".complete").is_file():
        pytest.skip("what would be installed is not in .tools/wheels: run `make setup`")
    folder = tmp_path_factory.mktemp("outside")
    for project in (ROOT, EXAMPLE):
        build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "built")
        succeed(*build, cwd=project)
    succeed(uv(), "venv", "--quiet", "--python", sys.executable, folder / "venv")
    from_folders = (
        "--offline",
        "--no-index",
        "--find-links",
        WHEELS,
        "--find-links",
        folder / "built",
    )
    wanted = ("therapy[http,worker,local,testing]", "therapy-openai-speech")
    into = ("--python", folder / "venv/bin/python")
    succeed(uv(), "--no-config", "pip", "install", "--quiet", *into, *from_folders, *wanted)
    shutil.copytree(EXAMPLE / "tests", folder / "adapter/tests")
    shutil.copy(EXAMPLE / "pyproject.toml", folder / "adapter")
    return Outside(folder / "venv/bin", folder / "adapter")


@pytest.fixture(scope="module")
def server(outside: Outside) -> Iterator[str]:
    """The address of a server that answers with our own recogniser."""
    with subprocess.Popen(
        [outside.bin / "python", "tests/local_server.py"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=outside.folder,
        env=outside.environment(),
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def test_its_own_suite_with_the_shipped_promises_is_green(outside: Outside) -> None:
    done = outside.run(
        *("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA"), *NOTHING_REWRITTEN
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_promises.py::test_utterances_come_in_order_without_roles" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_nothing_of_this_checkout_is_used(outside: Outside) -> None:
    places = "import therapy, openai_speech as o; print(therapy.__file__, o.__file__)"
    done = outside.run("python", "-c", places)
    assert str(ROOT) not in done.stdout
    assert done.stdout.count("site-packages") == 2


def test_the_demo_is_transcribed_by_it(outside: Outside, server: str) -> None:
    chosen = {"THERAPY_SPEECH": "openai-speech", "OPENAI_SPEECH_URL": server}
    done = outside.run("therapy", "transcribe", DEMO, "--json", **chosen)
    assert done.returncode == 0, done.stderr
    heard = json.loads(done.stdout)
    assert heard["engine"] == "whisper-1"
    assert heard["language"] == "en-US"
    turns = [(each["speaker"], each["text"]) for each in heard["utterances"]]
    reference = media.demo_turns()
    words = [" ".join(text for _, text in each) for each in (reference, turns)]
    assert word_error_rate(*words) < 0.15
    assert speaker_share(reference, turns) > 0.8


def test_check_asks_it_and_says_what_is_installed(outside: Outside, server: str) -> None:
    chosen = {"THERAPY_SPEECH": "openai-speech", "OPENAI_SPEECH_URL": server}
    done = outside.run("therapy", "check", **chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    row = next(line for line in done.stdout.splitlines() if " speech " in line)
    assert "therapy-openai-speech 0.1.0" in row
    assert "THERAPY_SPEECH=openai-speech: therapy-openai-speech 0.1.0" in done.stdout


def test_a_setting_that_it_misses_stops_the_command_in_one_line(outside: Outside) -> None:
    done = outside.run("therapy", "transcribe", DEMO, THERAPY_SPEECH="openai-speech")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "therapy: THERAPY_SPEECH: the plugin openai-speech (therapy-openai-speech 0.1.0) can't be"
        " used: OPENAI_SPEECH_URL is missing"
    )
    assert len(done.stderr.splitlines()) == 1
