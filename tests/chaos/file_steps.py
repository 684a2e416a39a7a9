"""A process whose operations on files are numbered, as Python audits them, and which is killed before one.

Hooks can't be removed, so this is for processes that end soon.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EVENTS = {
    *(
        "open",
        "os.rename",
        "os.remove",
        "os.mkdir",
        "os.rmdir",
        "os.link",
        "os.truncate",
        "os.chmod",
    ),
    *("shutil.rmtree", "sqlite3.connect"),
}


def watch(directory: Path, die_at: int, note: Callable[[str], None]) -> None:
    """Number the operations below a directory from now on, note each, and kill this process before one."""
    numbers, within = itertools.count(), os.fsencode(directory)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS:
            return
        paths = [each for each in arguments if isinstance(each, str | bytes | os.PathLike)]
        if any(os.fsencode(each).startswith(within) for each in paths):
            if next(numbers) == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            note(event)

    sys.addaudithook(hook)


def noting(file: Path) -> Callable[[str], None]:
    """Return what appends a line to a file at once, so that it is there after a kill."""
    written = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(name: str) -> None:
        os.write(written, f"{name}\n".encode())

    return note
