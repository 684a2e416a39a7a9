"""Foreign programs as children: started on a free port, stopped by their own id, gone if we are killed.

Between us and the program stands a shell that waits on a pipe from us: when that ends, for whatever
reason, it ends the program. So nothing is left behind by a test run that was killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tests.emulators.running import Missing, Running, require_allowed

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / ".tools" / "node" / "node_modules"
# The program's own id goes out first. A reader ends the program when our pipe ends; the shell itself
# lives as long as the program does.
WATCH = """
exec 4<&0
"$@" </dev/null >&2 4<&- & program=$!
{ read -r _ <&4; kill -9 "$program"; } >/dev/null 2>&1 & reader=$!
echo "$program"
wait "$program"
kill "$reader"
"""


class Refused(RuntimeError):
    """A program ended, or said nothing, before it was ready; holds what it said."""


def find_node() -> str:
    """The node that runs Azurite and the Cosmos emulator, or Missing with what to do about it."""
    node = shutil.which("node")
    if node is None:
        raise Missing("node is not on PATH: Azurite and the Cosmos emulator need Node 20 or newer")
    if not (NODE_MODULES / "azurite").is_dir():
        raise Missing("the node emulators are not installed: run `make .tools/node/.installed`")
    return node


def free_port() -> int:
    """A port that was free a moment ago, for programs that cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port at which nobody listens, nor can anybody meanwhile."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


class Program(Running):
    """A child that runs until stop(), kill() or our own end.

    `ready` is looked for in what it prints; its first group, if it has one, is the port.
    """

    ready = re.compile(r"ready (\d+)")
    patience = 60.0

    def __init__(self) -> None:
        self.port = 0
        self.pid = 0
        self._shell: subprocess.Popen[str] | None = None
        self._said: Path | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def start(self) -> Self:
        require_allowed(type(self))
        handle, name = tempfile.mkstemp(prefix=f"{type(self).__name__.lower()}-", suffix=".log")
        self._said = Path(name)
        os.close(handle)
        with self._said.open("wb") as log:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", WATCH, "watch", *self.command()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | self.environment(),
                start_new_session=True,  # Ctrl-C is for us; we then end the program
                text=True,
            )
        assert self._shell.stdout is not None
        self.pid = int(self._shell.stdout.readline())
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it for good; a program that has ended already is fine."""
        if self._shell is None:
            return
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            if self.alive:
                os.kill(self.pid, signal.SIGTERM)
            self._shell.wait(3)
        self._shell.stdin.close()
        self._shell.wait(10)
        self._shell.stdout.close()
        self._shell = None
        if self._said is not None:
            self._said.unlink(missing_ok=True)

    def kill(self) -> None:
        """As a power cut: no farewell. start() may follow, on the same port."""
        with contextlib.suppress(ProcessLookupError):
            if self.alive:
                os.kill(self.pid, signal.SIGKILL)
        self.stop()

    @property
    def alive(self) -> bool:
        return self._shell is not None and self._shell.poll() is None

    def said(self) -> str:
        return self._said.read_text(errors="replace") if self._said and self._said.exists() else ""

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            found = self.ready.search(self.said())
            if found:
                self.port = int(found.group(1)) if found.groups() else self.port
                return
            if not self.alive:
                break
            time.sleep(0.05)
        raise Refused(f"{type(self).__name__} did not start; it said:\n{self.said()[-2000:]}")
