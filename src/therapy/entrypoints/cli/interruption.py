"""Stopping a command by Ctrl-C or SIGTERM: what it says, and its exit code.

A command that does one thing says what it was doing and what is left of that, and ends with 130. One that
runs until it is stopped ends with 0, and at once with 130 at a second Ctrl-C. Both signals are the same.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from therapy.entrypoints.cli.faults.error_messages import CommandFailed

INTERRUPTED = 130
"""Exit code of what was interrupted: 128 and the number of SIGINT, as shells have it."""

STOPPING = (signal.SIGTERM, signal.SIGINT)
STOPS = "stopping: requests under way are answered, unfinished work is put back (Ctrl-C again ends at once)"
STOPPED = "stopped"
SAME_SECONDS = 0.25
"""Signals this close together are one stop: `timeout` and others signal a process and then its group."""

AT_ONCE = "ended at once: unfinished work is taken up again after THERAPY_LEASE_SECONDS"


@contextmanager
def doing(what: str, left: str) -> Iterator[None]:
    """Do something that may take long, such as "transcribing a.wav"; `left` is what an interruption leaves.

    Raises:
        CommandFailed: it was interrupted; says both.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise CommandFailed(f"stopped while {what}; {left}", INTERRUPTED) from None


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, too, while the body runs."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_at_once() -> None:
    """End this process without tidying up; children of it end with it, and nothing that is stored suffers."""
    os._exit(INTERRUPTED)


class StopSignals:
    """What a command that runs until it is stopped does on signals; a child of `therapy all` says nothing.

    `at_once` is called at a second Ctrl-C.
    """

    def __init__(self, *, say: bool = True, at_once: Callable[[], None] = end_at_once) -> None:
        self.say, self._at_once = say, at_once
        self._first: float | None = None

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """Say that it has stopped once the body ends, also if a signal comes before it takes them itself."""
        with suppress(KeyboardInterrupt):
            yield
        self.tell(STOPPED)

    def take(self, number: int, _frame: FrameType | None = None) -> None:
        """Note a signal and say what happens now."""
        now = time.monotonic()
        if self._first is None:
            self._first = now
            self.tell(STOPS)
        elif number == signal.SIGINT and now - self._first > SAME_SECONDS:
            self.tell(AT_ONCE)
            self._at_once()

    def tell(self, text: str) -> None:
        """Print a line, in one call of the system: `print` must not be entered twice, as by a signal."""
        if self.say:
            with suppress(OSError):
                os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, f"{text}\n".encode())
