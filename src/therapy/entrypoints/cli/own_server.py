"""Runs a `therapy serve` of our own in a temporary directory on a free port, and stops it at the end."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from therapy.entrypoints.cli.faults.error_messages import CommandFailed

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LAST_LINES = 12

_URL = re.compile(r"http://\S+")


@dataclass(frozen=True)
class Server:
    """A running server: its address and its log file."""

    url: str
    log: Path

    def last_lines(self) -> str:
        """Return the end of its log, which has only metadata."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


def environment(data_dir: Path) -> dict[str, str]:
    """Return the environment of such a server, without any of this machine's own settings."""
    return {
        "THERAPY_DATA_DIR": str(data_dir),
        "PORT": "0",
        "THERAPY_DISK_RESERVE_BYTES": "0",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONUTF8": "1",
    }


def command(*arguments: str) -> list[str]:
    """Return the command that runs `therapy` with this Python."""
    return [sys.executable, "-P", "-m", "therapy.entrypoints.cli", *arguments]


@contextmanager
def running_server(folder: Path, settings: dict[str, str], *options: str) -> Iterator[Server]:
    """Run a server, with its output in `folder`, while the body runs.

    Raises:
        CommandFailed: it did not start, or did not stop properly; the message has the end of its log.
    """
    with running(folder, "server", settings, "serve", *options, ready=_URL) as started:
        yield started


@contextmanager
def running(
    folder: Path, name: str, settings: dict[str, str], *arguments: str, ready: re.Pattern[str]
) -> Iterator[Server]:
    """Run a command of ours while the body runs, which begins once `ready` is in its output.

    Raises:
        CommandFailed: it did not start, or did not stop properly; the message has the end of its log.
    """
    out, log = folder / f"{name}.out", folder / f"{name}.log"
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - a command of our own
            command(*arguments),
            cwd=folder,  # not a directory with a .env in it
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for us; then we stop it
        )
    server = Server("", log)
    try:
        yield Server(_wait_for(ready, process, out, name, server), log)
    finally:
        status = _stop(process)
    if status:
        raise CommandFailed(f"the {name} ended with {status}:\n{server.last_lines()}")


def _wait_for(
    ready: re.Pattern[str], process: subprocess.Popen[bytes], out: Path, name: str, server: Server
) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if found := ready.search(out.read_text(errors="replace")):
            return found.group()
        time.sleep(0.05)
    raise CommandFailed(f"the {name} did not start:\n{server.last_lines()}")


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    except KeyboardInterrupt:  # the second Ctrl-C
        process.kill()
        raise
