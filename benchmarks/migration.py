"""A large database of the first layout under this program: seconds, disk at its peak, memory, what is left.

The data directory in tests/data is filled up with sessions of an hour each (some 450 kB of transcript, in two
versions) to the size that is asked for, then opened as a start of the program does. Prints the figures as
multiples of the file's size, and exits with 1 if the peak is above what the program asks to be free.
Linux only: files that have no name any more, such as those of VACUUM, are found through /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

MB = 1_000_000
HOUR = 450_000
"""Bytes of the transcript of an hour of speech, 9,000 words with their times."""


def fill(database: Path, size: int) -> int:
    """Add sessions until the file has this size; return how many."""
    added = 0
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        practice_id, session, versions = _pattern(connection)
        while database.stat().st_size < size:
            connection.execute("BEGIN")
            for _ in range(20):
                session_id = f"{added:032x}"
                body = json.dumps({**session, "id": session_id}).encode()
                connection.execute(
                    "INSERT INTO sessions VALUES (?, ?, 4, ?)", (practice_id, session_id, body)
                )
                for number, version in enumerate(versions, 1):
                    text = json.dumps({**version, "session_id": session_id}).encode()
                    connection.execute(
                        "INSERT INTO transcripts VALUES (?, ?, ?, ?)",
                        (practice_id, session_id, number, text),
                    )
                added += 1
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return added


def _pattern(connection: sqlite3.Connection) -> tuple[str, Any, list[Any]]:
    """Return a closed session, and its versions as long as those of an hour."""
    practice_id, session_id = connection.execute(
        "SELECT practice_id, session_id FROM transcripts WHERE number = 2 ORDER BY length(body) DESC"
    ).fetchone()
    whose = practice_id, session_id
    (session,) = connection.execute(
        "SELECT body FROM sessions WHERE practice_id = ? AND id = ?", whose
    ).fetchone()
    found = connection.execute(
        "SELECT body FROM transcripts WHERE practice_id = ? AND session_id = ? ORDER BY number",
        whose,
    )
    return practice_id, json.loads(session), [_long(json.loads(body)) for (body,) in found]


def _long(version: Any) -> Any:
    """Return a version with its lines again and again."""
    lines = version["utterances"]
    times = HOUR // len(json.dumps(lines)) + 1
    return {**version, "utterances": lines * times}


def used(directory: Path, pid: int) -> int:
    """Return the bytes on the disk of a directory's database and of the process's nameless files."""
    files = [*directory.glob("therapy.sqlite3*"), *_nameless(pid)]
    total = 0
    for each in files:
        with suppress(OSError):
            total += each.stat().st_blocks * 512
    return total


def _nameless(pid: int) -> Iterator[Path]:
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if os.readlink(each).endswith("(deleted)"):  # noqa: PTH115 - the target is no path any more
                    yield each


async def open_database(path: Path) -> None:
    """Do what a start does; print seconds, those of the processor, and the memory at its peak."""
    from therapy.adapters.local.sqlite.database import Database

    began = time.monotonic()
    async with Database.open(path) as database:
        seconds = time.monotonic() - began
        await database.check()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    print(seconds, spent.ru_utime + spent.ru_stime, spent.ru_maxrss * 1024)


def measure(database: Path) -> tuple[float, float, int, int]:
    """Open the database in a process of its own; return its seconds, and disk and memory at their peaks."""
    command = [sys.executable, __file__, "--open", str(database)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0
    while child.poll() is None:
        peak = max(peak, used(database.parent, child.pid))
        time.sleep(0.01)
    said, _ = child.communicate()
    if child.returncode:
        raise SystemExit(child.returncode)
    seconds, busy, memory = said.split()
    return float(seconds), float(busy), peak, int(memory)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.open:
        asyncio.run(open_database(asked.open))
        return 0
    from tests.local.data_directory import DATABASE, unpacked
    from therapy.adapters.local.sqlite.migration import ROOM

    with tempfile.TemporaryDirectory(prefix="therapy-migration-") as folder:
        database = unpacked(Path(folder)) / DATABASE
        sessions = fill(database, asked.megabytes * MB)
        size = database.stat().st_size
        print(f"{size / MB:.0f} MB, {sessions} sessions of an hour")
        seconds, busy, peak, memory = measure(database)
        left = database.stat().st_size
        more = (peak - size) / size
        print(f"brought up to date in {seconds:.1f} s, {busy:.1f} s of a processor")
        print(
            f"beside the file at the peak: {(peak - size) / MB:.0f} MB, {more:.1f} times its size"
        )
        print(f"asked to be free: {ROOM} times its size")
        print(f"memory at the peak: {memory / MB:.0f} MB")
        print(f"afterwards: {left / MB:.0f} MB, and the copy from before of {size / MB:.0f} MB")
    return 0 if more <= ROOM else 1


if __name__ == "__main__":
    sys.exit(main())
