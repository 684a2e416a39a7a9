"""How calls grow with the practice, as benchmarks/growth.py measures it.

It takes 8 to 20 minutes up to a million sessions, and 13 GB of disk; two minutes and next to no disk if the
practices of an earlier run are in the directory GROWTH_DIRECTORY (a variable of the environment), where they
are kept. A quick run has fewer sessions, and asks once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.compare.measuring import Line, Place, Scale
from benchmarks.compare.processes import load_average
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import EMBEDDED_ONE, ROOT, NotInstalled
from benchmarks.growth import Practice

PROGRAM = ROOT / "benchmarks" / "growth.py"
ROW = re.compile(
    r"^ *([\d,]+) (\S.*?) +(\d+) +([\d.]+) +([\d.]+)(?: +([\d.]+) +([\d.]+))?$", re.MULTILINE
)
"""Sessions, call, rows, p95 in ms, CPU in ms, and their ratios to what they were at 1,000 sessions."""

KEPT = "GROWTH_DIRECTORY"
BYTES_A_SESSION = 13_000
"""What the practices take on the disk while they are measured, for each session of the largest."""


def require_disk(scale: Scale, environment: Mapping[str, str] = os.environ) -> None:
    """Raise NotInstalled unless the practices are kept already, or have room on the disk."""
    kept = environment.get(KEPT)
    directory = ROOT / kept if kept else Path(tempfile.gettempdir())
    if kept and Practice(directory / str(scale.sessions)).complete:
        return
    there = next(each for each in (directory, *directory.parents) if each.exists())
    needed, free = scale.sessions * BYTES_A_SESSION, shutil.disk_usage(there).free
    if free < needed:
        raise NotInstalled(
            f"the line growth needs {needed / 1e9:.1f} GB of disk in {directory}, which has {free / 1e9:.1f}:"
            f" name a directory with more, TMPDIR=DIRECTORY, or {KEPT}=DIRECTORY to keep the practices"
        )


def measure(place: Place) -> list[Sample]:
    """Return p95 and rows of each call at the most sessions, its ratio to that at 1,000, and the rows there.

    Raises:
        CalledProcessError: calls answered other rows than at 1,000.
    """
    before = load_average()
    sizes = ["1000", str(place.scale.sessions)]
    rounds = "3" if place.scale.sessions >= Scale.sessions else "1"
    kept = os.environ.get(KEPT)
    where = ["--directory", kept] if kept else []
    command = [sys.executable, str(PROGRAM), "--sizes", *sizes, "--rounds", rounds, *where]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    numbers = figures(done.stdout, place.scale.sessions)
    load = (before, load_average())
    return [
        Sample(
            line="growth", system=EMBEDDED_ONE, numbers=numbers, requests=len(numbers), load=load
        )
    ]


def figures(printed: str, sessions: int) -> dict[str, float]:
    """Return what was printed of this many sessions as numbers by name."""
    found: dict[str, float] = {}
    rows_before: dict[str, float] = {}
    for size, call, rows, p95, _, ratio, _ in ROW.findall(printed):
        if int(size.replace(",", "")) == sessions:
            found[f"{call}: p95 ms"] = float(p95)
            found[f"{call}: rows"] = float(rows)
            if ratio:
                found[f"{call}: times that of 1,000"] = float(ratio)
                found[f"{call}: rows at 1,000"] = rows_before[call]
        else:
            rows_before[call] = float(rows)
    return found


LINES = [
    Line(
        "growth",
        "calls with up to 1,000,000 sessions (benchmarks/growth.py), 8 to 20 minutes",
        limits={EMBEDDED_ONE: measure},
        alone=True,
        jobs=0,
        once=True,
        needs_cloud=False,
        require=require_disk,
    )
]
