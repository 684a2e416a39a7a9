"""Processes that are forked from one that has imported all and made the application.

So they share that memory, and one that dies is replaced in milliseconds. They share the port, too. Those of
`therapy serve` are whole servers, each with a worker of its own, which its uploads ring; those of
`therapy all` answer requests, beside a worker. `supervisor` keeps them running.
"""

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import IO, NoReturn

from msgspec.structs import replace

from therapy.config import Settings
from therapy.entrypoints.cli.faults.error_messages import is_lasting, told
from therapy.entrypoints.cli.interruption import StopSignals
from therapy.entrypoints.cli.listening import announce_summary
from therapy.entrypoints.cli.server_process import end_with_stdin, ready_server, run_worker
from therapy.entrypoints.cli.supervisor import (
    LASTING,
    Child,
    RunningProcess,
    Supervisor,
    names_of_parts,
)
from therapy.wiring import decoding_turns
from therapy.wiring.shared_imports import import_what_is_shared
from therapy.workflows.decoding_turns import DecodingTurns

CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
"""Signals that the supervisor handles, and its children in their own way."""

LAST_STANDARD = 2
"""The descriptor of stderr; those up to it stay open."""

COMM = Path("/proc/self/comm")
"""This process's name, on Linux: at most 15 bytes."""

FDS = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")


def run_servers(settings: Settings, listener: socket.socket, *, with_worker: bool) -> int:
    """Serve, and work, in as many processes as the settings say until stopped; return the exit code."""
    _, names = names_of_parts(settings)
    share = max(1, settings.sessions_at_once // settings.processes)
    turns = decoding_turns(settings, len(names))
    settings_of_each = replace(settings, sessions_at_once=share)
    serve = _server(settings_of_each, listener, turns, with_worker=with_worker)
    announce_summary(settings)
    _keep_what_is_shared()
    children = [
        ForkedChild(name, partial(serve, number), listener) for number, name in enumerate(names)
    ]
    drain = settings.drain.total_seconds()
    return Supervisor(children, drain=drain, listener=listener).run()


def forked_parts(settings: Settings, listener: socket.socket) -> list[Child]:
    """Return the workers and API processes that the settings ask for, each to be forked from this process."""
    workers, servers = names_of_parts(settings)
    turns = decoding_turns(settings, len(workers) + len(servers))
    serve = _server(settings, listener, turns, with_worker=False)
    import_what_is_shared(settings, with_engines=settings.worker_processes > 1)

    def work(number: int) -> None:
        turns.use_places_of(number)
        end_with_stdin()
        run_worker(settings, StopSignals(say=False), turns=turns)

    _keep_what_is_shared()
    return [
        *(ForkedChild(each, partial(work, number)) for number, each in enumerate(workers)),
        *(
            ForkedChild(each, partial(serve, number), listener)
            for number, each in enumerate(servers, len(workers))
        ),
    ]


def _server(
    settings: Settings, listener: socket.socket, turns: DecodingTurns, *, with_worker: bool
) -> Callable[[int], None]:
    """Return what serves in child `number` until it is stopped; what the children can share is made now."""
    import_what_is_shared(settings)
    ready = ready_server(settings, listener, with_worker=with_worker, turns=turns)

    def serve(number: int) -> None:
        turns.use_places_of(number)
        end_with_stdin()
        ready(StopSignals(say=False))

    return serve


def _keep_what_is_shared() -> None:
    """Keep the collector from what exists: its first run in a child would write to, i.e. copy, all of it."""
    gc.collect()
    gc.freeze()


class ForkedChild(Child):
    """A function that is kept running in a forked process, whose stdin ends when we do."""

    def __init__(
        self, name: str, serve: Callable[[], None], listener: socket.socket | None = None
    ) -> None:
        super().__init__(name, (), {}, listener)
        self._serve = serve

    def _launched(self) -> RunningProcess:
        reading, writing = os.pipe()
        sys.stdout.flush()
        before = signal.pthread_sigmask(
            signal.SIG_BLOCK, CAUGHT
        )  # they would still find our handlers
        try:
            pid = os.fork()
            if not pid:
                self._be_a_child(reading, before)
        except OSError:
            os.close(writing)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(reading)
        return _Forked(pid, FileIO(writing, "w"))

    def _be_a_child(self, reading: int, unblocked: set[int | signal.Signals]) -> NoReturn:
        """Be the process that was forked, and end with it: nothing of the parent's may go on in it."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for each in CAUGHT:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
            self._name_process()
            os.setpgid(0, 0)  # Ctrl-C is for the parent, which passes on one stop
            os.dup2(reading, 0)
            self._close_inherited()
            code = _exit_code_of(self._serve)
        except BaseException:  # noqa: BLE001 - below, nobody else would say what ended it
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(code)

    def _name_process(self) -> None:
        """Be told apart from the others by ps and top, which have the same command."""
        with suppress(OSError):
            COMM.write_text(f"therapy:{self.name}")

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
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    except Exception as exc:
        message, code = told(exc) or ("", 1)
        if not message:
            raise
        print(f"therapy: {message}", file=sys.stderr)
        return LASTING if is_lasting(exc) else code
    return 0
