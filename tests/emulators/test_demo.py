"""`make demo ADAPTERS=azure`: the whole production configuration on this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulators.fixtures import require_node
from tests.emulators.processes import ROOT

pytest.importorskip("aiohttp")


@pytest.mark.slow
@pytest.mark.usefixtures("node")
def test_the_demo_on_azures_adapters_shows_the_same_job_and_leaves_nothing(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.emulators.demo"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "120", "THERAPY_STORES": "local"},
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "word error rate 0.0 %, right speaker 100.0 %" in said.stdout
    assert "figures say nothing of the services" in " ".join(said.stdout.split())
    assert "0 of them over all partitions" in said.stdout
    assert said.stdout.count("notification_type=SESSION_READY") == 1
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("therapy")] == []


@pytest.fixture
def node() -> str:
    return require_node()
