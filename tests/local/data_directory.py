"""The data directory that the program left at 148999e, unpacked, and what that program said about it.

tests/data/README.md says what is in it and how it was made.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
DATABASE = "therapy.sqlite3"


def unpacked(folder: Path, *, closed: bool = True) -> Path:
    """Unpack the data directory into a new folder below this one; returns its path.

    Unless `closed`, its database is as a killed process leaves it: what was written last is in the log
    beside it (`-wal`) and nowhere else. Both hold the same.
    """
    directory = folder / "data-of-148999e"
    directory.mkdir(mode=0o700)
    archives = ["data-directory-148999e", *([] if closed else ["data-directory-148999e-wal"])]
    for name in archives:
        archive = DATA / f"{name}.tar.gz"
        subprocess.run(["tar", "-xzf", archive, "--no-same-owner"], cwd=directory, check=True)
    return directory


@cache
def expected() -> dict[str, Any]:
    """Return what the program said about it; don't change it."""
    read: dict[str, Any] = json.loads((DATA / "expected-148999e.json").read_bytes())
    return read


def session_id(name: str) -> str:
    """Return the id of the session that stands for `name`, e.g. "closing"."""
    return str(expected()["sessions"][name]["session"]["id"])
