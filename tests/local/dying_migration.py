"""What opens a database in a process of its own and gets a signal on the way: `run`, in a forked process.

`python -m tests.local.dying_migration` does the same as a program, whose parent can wait for it to stop.

Its arguments are the file, the signal, and before what: `INSERT INTO items|40` is the fortieth statement
that begins so, `in VACUUM|3` the third hundred of SQLite's steps of such a statement, `connect|2` the second
connection, `rename|1` the first file that is given its name. It is told by SQLite's own trace and by Python's
audit events (PEP 578). `size|9` is the first byte that would
make a file longer than that: then it is the system that ends the program, in the midst of a write.
"""

import asyncio
import resource
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

from therapy.adapters.local.sqlite.database import Database

PATIENCE_MS = 50

OPENED = "opened"
"""A file that is beside the database from the moment at which it is open."""


class Death:
    """Sends this process a signal when it is about to do something for the nth time."""

    def __init__(self, number: int, before: str, times: int) -> None:
        self._signal = number
        self._before = before
        self._left = times
        self._statement = ""

    def in_statement(self, statement: str) -> None:
        self._statement = statement
        self.at(statement)

    def step(self) -> int:
        self.at(f"in {self._statement}")
        return 0  # go on

    def at(self, what: str) -> None:
        if what.startswith(self._before):
            self._left -= 1
            if not self._left:
                # To this thread: one to the process is taken by any, and this one would go on meanwhile.
                signal.pthread_kill(threading.get_ident(), self._signal)


def watch(death: Death) -> None:
    """Tell `death` of every connection, every statement and every file that gets another name."""
    connect = sqlite3.connect

    def traced(*arguments: Any, **more: Any) -> sqlite3.Connection:
        death.at("connect")
        connection = connect(*arguments, **more)
        connection.set_trace_callback(death.in_statement)
        connection.set_progress_handler(death.step, 100)
        return connection

    sqlite3.connect = traced
    sys.addaudithook(lambda event, _: death.at("rename") if event == "os.rename" else None)


def limit_files(size: int) -> None:
    """Let the system end this process when it makes a file longer than this."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


async def main(path: Path) -> None:
    async with Database.open(path, patience_ms=PATIENCE_MS):
        path.with_name(OPENED).touch()


def run(path: Path, signal_name: str, moment: str) -> None:
    """Open a database, in a process that gets this signal before this moment."""
    before, _, number = moment.partition("|")
    if before == "size":
        limit_files(int(number))
    else:
        watch(Death(signal.Signals[signal_name], before, int(number)))
    asyncio.run(main(path))


if __name__ == "__main__":
    run(Path(sys.argv[1]), *sys.argv[2:])
