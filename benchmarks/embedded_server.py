"""An embedded server in a process and a directory of its own, for benchmarks; and what its processes take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "bench-passphrase"  # noqa: S105 - of a throw-away store
THERAPIST = "olivia.hayes1@example.health"
"""Of whom an unnamed practice has one: see `therapy seed`."""

MB = 1024 * 1024
STOP_SECONDS = 60
THERAPY = (sys.executable, "-m", "therapy.entrypoints.cli")


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its process, and where its data are."""

    url: str
    pid: int
    data: Path


@contextmanager
def data_directory() -> Iterator[Path]:
    """Yield a directory that is deleted at the end, also if this process is told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="therapy-bench-") as directory:
        yield Path(directory) / "data"


def seed(
    data: Path,
    environment: Mapping[str, str] | None = None,
    *,
    practice: Path | None = None,
    password: str = PASSWORD,
) -> None:
    """Fill a data directory with the people and sessions of `therapy seed`, or of a practice's file."""
    file = ["--file", str(practice)] if practice else []
    subprocess.run(
        [*THERAPY, "seed", *file, "--password-stdin"],
        input=password,
        text=True,
        env=environment_of(data, environment),
        check=True,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def running_server(
    data: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    command: str = "serve",
) -> Iterator[Server]:
    """Run `therapy serve` (or another command that serves) with these arguments while the body runs.

    It takes a free port, and logs to `server.log` beside the data.
    """
    with (
        data.with_name("server.log").open("a") as log,
        subprocess.Popen(
            [*THERAPY, command, *arguments],
            env=environment_of(data, environment),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield Server(_address(process), process.pid, data)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


@contextmanager
def seeded_server(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run `therapy serve` over a new practice of `therapy seed` while the body runs."""
    with data_directory() as data:
        seed(data, environment)
        with running_server(data, *arguments, environment=environment) as server:
            yield server


def environment_of(data: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment, with the directory and a free port."""
    return os.environ | {"THERAPY_DATA_DIR": str(data), "PORT": "0"} | dict(more or {})


def _address(server: subprocess.Popen[str]) -> str:
    """Return the URL that the server prints once it listens."""
    for line in server.stdout or ():
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip(".,")
    raise SystemExit("the server did not start")


# --- what processes take, from /proc -------------------------------------------------------------


def rss(pid: int) -> int:
    """Resident bytes of a process; 0 once it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def pss(pid: int) -> int:
    """Resident bytes of a process, of shared pages its part only; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def program(pid: int) -> str:
    """What a process does: its name, where it was forked for something, or the end of its command."""
    try:
        if (name := Path(f"/proc/{pid}/comm").read_text().strip()).startswith("therapy:"):
            return name
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return " ".join(words[1:]).strip()[-50:]


def cpu_seconds(pid: int, *, with_children: bool = True) -> float:
    """CPU seconds of a process and of those of its children that have ended."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11 : 15 if with_children else 13])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    """A process and everything it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))
