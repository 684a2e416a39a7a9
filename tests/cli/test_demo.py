"""`therapy demo`, as `make demo` runs it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import bare_environment


@pytest.mark.slow
@pytest.mark.xdist_group("recogniser")
def test_the_demo_shows_the_whole_job_within_its_bounds_and_leaves_nothing(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-P", "-m", "therapy.entrypoints.cli", "demo"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=bare_environment(tmp_path / "unused") | {"TMPDIR": str(tmp_path)},
    )
    assert said.returncode == 0, said.stdout + said.stderr
    (wrong,) = re.findall(r"word error rate ([\d.]+) %", said.stdout)
    (right,) = re.findall(r"right speaker ([\d.]+) %", said.stdout)
    assert float(wrong) <= 2
    assert float(right) >= 97
    for words in ("Therapist", "Patient", "sentiment_scores", "general_notes", "SESSION_READY"):
        assert words in said.stdout
    assert list(tmp_path.iterdir()) == []
