"""`therapy serve` in several processes: forked from one that has imported all and made the application.

So they share that memory, and one that dies is replaced in milliseconds. They share the port, too; each is a
whole server with a worker of its own, which its uploads ring. `supervisor` keeps them running.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import IO, NoReturn

from therapy.config import Settings
from therapy.domain.errors import TherapyError
from therapy.entrypoints.cli.faults.error_messages import explained, of_file
from therapy.entrypoints.cli.supervisor import Child, RunningProcess, Supervisor

CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
"""Signals that the supervisor handles, and its children in their own way."""

LAST_STANDARD = 2
"""The descriptor of stderr; those up to it stay open."""

FDS = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")


def run_servers(settings: Settings, listener: socket.socket, serve: Callable[[], None]) -> int:
    """Run `serve` in as many processes as the settings say until stopped; return the exit code.

    Everything that they share must exist before: what is made later each makes for itself.
    """
    gc.collect()
    gc.freeze()  # else the first collection in each process would write to, i.e. copy, all of it
    names = [f"api-{number + 1}" for number in range(settings.processes)]
    children = [ForkedChild(name, serve, listener) for name in names]
    drain = settings.drain.total_seconds()
    return Supervisor(children, drain=drain, listener=listener).run()


class ForkedChild(Child):
    """A function that is kept running in a forked process, whose stdin ends when we do."""

    def __init__(self, name: str, serve: Callable[[], None], listener: socket.socket) -> None:
        super().__init__(name, (), {}, listener)
        self._serve = serve

    def _launched(self) -> RunningProcess:
        reading, writing = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            self._be_a_child(reading)
        os.close(reading)
        return _Forked(pid, FileIO(writing, "w"))

    def _be_a_child(self, reading: int) -> NoReturn:
        """Be the process that was forked, and end with it: nothing of the parent's may go on in it."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for each in CAUGHT:
                signal.signal(each, signal.SIG_DFL)
            os.setpgid(0, 0)  # Ctrl-C is for the parent, which passes on one stop
            os.dup2(reading, 0)
            self._close_inherited()
            code = _exit_code_of(self._serve)
            sys.stdout.flush()
        finally:
            os._exit(code)

    def _close_inherited(self) -> None:
        """Close what the parent has open besides the port: pipes to other children, which end with it."""
        for fd in [int(each.name) for each in FDS.iterdir()]:
            if fd > LAST_STANDARD and fd not in self._passed:
                with suppress(OSError):
                    os.close(fd)


class _Forked:
    """A forked process, as far as `subprocess.Popen` would say."""

    def __init__(self, pid: int, stdin: IO[bytes]) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = stdin
        self.returncode: int | None = None


def _exit_code_of(serve: Callable[[], None]) -> int:
    """Serve and return the exit code; what can't be opened is one line on stderr, as of every command."""
    try:
        serve()
    except TherapyError as exc:
        message = explained(exc)
    except OSError as exc:
        message = of_file(exc)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    else:
        return 0
    print(f"therapy: {message}", file=sys.stderr)
    return 1
