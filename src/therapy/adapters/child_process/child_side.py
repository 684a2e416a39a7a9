"""What a child process does before anything else, and how it ends."""

import ctypes
import fcntl
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

from therapy.adapters.child_process.network import leave_network

PR_SET_PDEATHSIG = 1

PIPE_BYTES = 1 << 20
"""Bytes that may wait in the pipe to the parent: with few, the two of them take turns."""

KILLED_FIRST = "1000"
"""The most that Linux adds to a process's score when it looks for one to kill, as memory has run out."""


def private_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return our ends of the pipes, so that what a library prints can't mix with the messages."""
    outgoing = os.fdopen(os.dup(1), "wb")
    with suppress(AttributeError, OSError):  # not Linux; or this user's pipes may hold no more
        fcntl.fcntl(outgoing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.dup2(2, 1)
    return sys.stdin.buffer, outgoing


def end_after(work: Callable[[], int]) -> NoReturn:
    """End this process with what the work returns, or with 1 if the parent goes while it is told something.

    Nothing is tidied up, and no thread that still works keeps the process alive.
    """
    try:
        code = work()
    except BrokenPipeError:
        code = 1
    sys.stderr.flush()
    os._exit(code)


def prepare(parent: int) -> None:
    """End when the parent (a process id) ends; dump no core; be killed before it; open no connection."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text(KILLED_FIRST)
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:  # not Linux
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    leave_network()  # where the system can't, `therapy check` says so
    if os.getppid() != parent:  # it ended before this was set up
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
