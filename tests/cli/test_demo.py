"""`therapy demo`, as `make demo` runs it."""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import bare_environment
from therapy.entrypoints.cli.demo import show_partial


@pytest.mark.slow
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
    assert re.search(r"^transcribing: recognising: [1-9]\d? %$", said.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_says_what_is_missing_and_how_much_is_in_doubt() -> None:
    console = Console(file=StringIO(), width=200)
    show_partial({"missing": [], "doubtful_lines": []}, console)
    missing = [{"start_ms": 0, "end_ms": 5_000, "sentence": "5.0 seconds are missing."}]
    doubtful = [{"start_ms": 9_000, "flags": ["guess"]}]
    show_partial({"missing": missing, "doubtful_lines": doubtful}, console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == ["5.0 seconds are missing.", "lines in doubt: 1"]
