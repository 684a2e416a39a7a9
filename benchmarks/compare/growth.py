"""How calls grow with the practice, as benchmarks/growth.py measures it; only if it is named.

It takes 8 to 20 minutes up to a million sessions, and 13 GB of disk; two if the practices of an earlier run
are in the directory GROWTH_DIRECTORY (a variable of the environment), where they are kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from benchmarks.compare.measuring import Line, Place
from benchmarks.compare.processes import load_average
from benchmarks.compare.results import Sample
from benchmarks.compare.systems import EMBEDDED_ONE, ROOT, NotInstalled

PROGRAM = ROOT / "benchmarks" / "growth.py"
ROW = re.compile(
    r"^ *([\d,]+) (\S.*?) +(\d+) +([\d.]+) +([\d.]+)(?: +([\d.]+) +([\d.]+))?$", re.MULTILINE
)
"""Sessions, call, rows, p95 in ms, CPU in ms, and their ratios to what they were at 1,000 sessions."""


def measure(place: Place) -> list[Sample]:
    """Return p95 and rows of each call at the most sessions, its ratio to that at 1,000, and the rows there.

    Raises:
        NotInstalled: there is no such program in this checkout.
        CalledProcessError: calls answered other rows than at 1,000.
    """
    if not PROGRAM.exists():
        raise NotInstalled(f"{PROGRAM.relative_to(ROOT)} is not in this checkout")
    before = load_average()
    sizes = ["1000", str(place.scale.sessions)]
    kept = os.environ.get("GROWTH_DIRECTORY")
    where = ["--directory", kept] if kept else []
    command = [sys.executable, str(PROGRAM), "--sizes", *sizes, "--rounds", "3", *where]
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
    )
]
