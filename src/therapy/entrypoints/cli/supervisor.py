"""Starts, signals and restarts the children of `therapy all`, or of `therapy serve` in several processes.

It replaces an init if it is process 1: it reaps whatever ends, passes on a stop, and restarts what dies. It
does nothing else, so that little in it can fail; what it has imported is there for its children, which share
it (`forked_servers`).
"""

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import IO, Protocol

from therapy.config import Settings
from therapy.entrypoints.cli.interruption import INTERRUPTED, STOPPED, STOPPING, StopSignals

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
LIVED = 60.0
"""Seconds after which a child that dies is restarted with the first pause again."""

LASTING = 78
"""Exit code of a forked child that no restart mends: a newer program has written its database."""

HOPELESS = {2: 2, LASTING: 1}
"""Exit codes of children that it would be useless to restart, and ours then; 2: a command used wrongly."""

log = logging.getLogger(__name__)


def names_of_parts(settings: Settings) -> tuple[list[str], list[str]]:
    """Return the names of the workers and of the API processes that these settings ask for."""
    workers, servers = settings.worker_processes, settings.processes
    return (
        ["worker"] if workers == 1 else [f"worker-{number + 1}" for number in range(workers)],
        [f"api-{number + 1}" for number in range(servers)],
    )


class RunningProcess(Protocol):
    """A process that was started: as much of `subprocess.Popen` as is needed here."""

    pid: int
    returncode: int | None
    stdin: IO[bytes] | None


class Child:
    """A command that is kept running; it shares our standard output, and its stdin ends when we do."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        variables: Mapping[str, str],
        listener: socket.socket | None = None,
    ) -> None:
        self.name, self._command, self._variables = name, command, variables
        self._passed = (listener.fileno(),) if listener else ()
        self._process: RunningProcess | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self.due: float | None = 0.0

    @property
    def pid(self) -> int:
        """The process id, 0 while it is not running."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process; it is no longer due. If the system refuses one, it is due again later."""
        self._started, self.due = time.monotonic(), None
        try:
            self._process = self._launched()
        except OSError as exc:
            log.error("a child could not be started", extra={"child": self.name, "error": str(exc)})  # noqa: TRY400 - one line
            self._be_due_later()

    def _launched(self) -> "RunningProcess":
        return subprocess.Popen(  # noqa: S603 - a command of our own
            self._command,
            env=self._variables,
            stdin=subprocess.PIPE,
            pass_fds=self._passed,
            process_group=0,  # Ctrl-C is for us: we pass on one stop
        )

    def ended(self, status: int) -> None:
        """Note that it ended, and when it is due again."""
        if time.monotonic() - self._started > LIVED:
            self._pause = FIRST_PAUSE
        fields = {"child": self.name, "status": status, "pause_s": self._pause}
        log.warning("a child ended and is restarted", extra=fields)
        self._be_due_later()
        self.forget(status)

    def _be_due_later(self) -> None:
        """Be due after a pause, the next one twice as long."""
        self.due = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def forget(self, status: int) -> None:
        """Release a process that was reaped."""
        if self._process:
            self._process.returncode = status
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal, if it is running."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Supervisor:
    """Keeps children running until SIGTERM or SIGINT, then gives them `drain` seconds to end."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        drain: float,
        listener: socket.socket | None = None,
    ) -> None:
        self._children, self._drain, self._listener = children, drain, listener
        self._signals = StopSignals(at_once=self._end_at_once)
        self._stopping = False
        self._hopeless = 0
        self._at_once = False

    def run(self) -> int:
        """Run until stopped; return the exit code, 0 if all ended by themselves in time."""
        status = self._run()
        self._signals.tell(STOPPED)
        return status

    def _end_at_once(self) -> None:
        self._at_once = True

    def _run(self) -> int:
        with self._signal_socket() as woken:
            while not self._stopping:
                for child in self._children:
                    if child.due is not None and child.due <= time.monotonic():
                        child.start()
                dues = [child.due for child in self._children if child.due is not None]
                self._sleep(woken, min(dues) - time.monotonic() if dues else None)
                for child, status in self._reaped():
                    if status in HOPELESS:
                        self._stopping, self._hopeless = True, HOPELESS[status]
                        child.forget(status)
                    else:
                        child.ended(status)
            return self._stop(woken)

    def _stop(self, woken: socket.socket) -> int:
        until = time.monotonic() + self._drain
        self._signal_all(signal.SIGTERM)
        if self._listener:  # new connections are refused from now on, and may go elsewhere
            self._listener.close()
        while self._running() and time.monotonic() < until and not self._at_once:
            self._sleep(woken, until - time.monotonic())
            for child, status in self._reaped():
                child.forget(status)
        late = self._running()
        for child in late:
            if not self._at_once:
                log.error("a child did not end in time", extra={"child": child.name})
            child.signal(signal.SIGKILL)
        while self._running():
            self._sleep(woken, 1.0)
            for child, status in self._reaped():
                child.forget(status)
        if self._hopeless:
            return self._hopeless
        if self._at_once:
            return INTERRUPTED
        return 1 if late else 0

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.pid]

    def _signal_all(self, number: int) -> None:
        for child in self._children:
            child.signal(number)

    def _reaped(self) -> Iterator[tuple[Child, int]]:
        """Yield our children that have ended; reap other processes, too, which process 1 inherits."""
        by_pid = {child.pid: child for child in self._running()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid in by_pid:
                yield by_pid[pid], os.waitstatus_to_exitcode(status)

    @contextlib.contextmanager
    def _signal_socket(self) -> Iterator[socket.socket]:
        """Yield a socket that is readable after any signal, so that none is missed before a sleep."""

        def stop(number: int, _frame: FrameType | None) -> None:
            self._signals.take(number)
            self._stopping = True

        reading, writing = socket.socketpair()
        with reading, writing:
            for each in (reading, writing):
                each.setblocking(False)
            signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
            for number in STOPPING:
                signal.signal(number, stop)
            signal.signal(signal.SIGCHLD, lambda *_: None)
            try:
                yield reading
            finally:
                signal.set_wakeup_fd(-1)

    @staticmethod
    def _sleep(woken: socket.socket, seconds: float | None) -> None:
        select.select([woken], [], [], None if seconds is None else max(0.0, seconds))
        with contextlib.suppress(BlockingIOError):
            woken.recv(4_096)
