"""What a run was made on: the machine, the interpreter, the libraries, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "litestar",
    "uvicorn",
    "uvloop",
    "msgspec",
    "azure-cosmos",
    "azure-storage-blob",
    "redis",
    "av",
)


def machine() -> dict[str, str]:
    """Return what was measured on, and with which versions."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "node": _said("node", "--version"),
        "versions": ", ".join(f"{each} {_version(each)}" for each in LIBRARIES),
    }


def commit() -> str:
    """Return the commit that was measured, with a plus sign if the tree has other changes."""
    changed = "+" if _said("git", "status", "--porcelain", "--", "src") else ""
    return (_said("git", "rev-parse", "--short", "HEAD") or "unknown") + changed


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
