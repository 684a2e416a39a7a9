"""What a run is made on: the machine with its memory, the interpreter, the libraries, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TAKEN_AT_ONCE = 4 << 20
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


def take_memory(folder: Path, size: int) -> None:
    """Write a file of `size` bytes and delete it, so that who writes next gets memory that is there.

    The host of a virtual machine may take back what is free and give it again page by page: 317 MB in a new
    file then take 0.4 to 0.7 s of CPU instead of 0.08, whoever writes them.
    """
    piece, path = bytes(TAKEN_AT_ONCE), folder / "taken"
    with path.open("wb") as file:
        for _ in range(0, size, TAKEN_AT_ONCE):
            file.write(piece)
    path.unlink()


def commit() -> str:
    """Return the commit that was measured, with a plus sign if the tree has other changes."""
    changed = (
        "+" if _said("git", "status", "--porcelain", "--", "src", "benchmarks", "tests") else ""
    )
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
