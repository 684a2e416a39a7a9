"""The systems that are compared, each in processes of its own: ours in two families, and the reference.

Ours are `therapy serve` and `therapy all` as a clinic runs them, with limits raised (`RAISED`) that one
client on one machine would meet. The reference is `benchmarks/reference`, run by an interpreter of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.compare.practice import PASSWORD, PATIENT, ROWS, THERAPIST, write_practice
from benchmarks.embedded_server import THERAPY

ROOT = Path(__file__).resolve().parents[2]
REFERENCE_PYTHON = ROOT / ".tools" / "reference" / "bin" / "python"
EMULATORS = ("azurite", "cosmos", "valkey", "speech", "fast", "language", "fcm")
NEEDED = {"COSMOS_URI", "AZURE_STORAGE_CONNECTION_STRING", "REDIS_HOST", "FCM_STAND_IN"}
EMBEDDED_ONE, EMBEDDED_TWO, AZURE, REFERENCE = "embedded-1", "embedded-2", "azure", "reference"
OURS = (EMBEDDED_ONE, EMBEDDED_TWO, AZURE)
SYSTEMS = (*OURS, REFERENCE)
STOP_SECONDS = 60

RAISED = {
    "THERAPY_WAITING_SESSIONS": "500",
    "THERAPY_WAITING_SESSIONS_IN_ALL": "10000",
    "THERAPY_OPEN_UPLOADS": "400",
    "THERAPY_OPEN_UPLOADS_IN_ALL": "400",
    "THERAPY_UNFINISHED_UPLOADS": "400",
    "THERAPY_UPLOAD_BYTES_A_DAY": str(10**13),
    "THERAPY_SIGN_INS_WAITING": "400",
    "THERAPY_SIGN_IN_TRIES": "100000",
    "THERAPY_SIGN_IN_TRIES_KNOWN": "100000",
    "THERAPY_SIGN_IN_TRIES_ADDRESS": "1000000",
    "THERAPY_MAX_CONNECTIONS_PER_ADDRESS": "2000",
    "THERAPY_DISK_RESERVE_BYTES": "0",
}
"""Our limits that are raised, because here one person at one address is everybody; no disk is kept free."""

API_PROCESSES = {EMBEDDED_ONE: "1", EMBEDDED_TWO: "2", AZURE: "2"}
WORKER_PROCESSES = {EMBEDDED_ONE: "1", EMBEDDED_TWO: "1", AZURE: "2"}


class NotInstalled(RuntimeError):
    """Something that a line needs is not installed; says which make target brings it."""


@dataclass(frozen=True)
class System:
    """A running system: where it listens, the root of its processes, and its environment.

    `started` are the seconds from its start until it answered.
    """

    name: str
    url: str
    pid: int
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    started: float = 0.0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").rstrip("/").partition(":")
        return host, int(port)


@dataclass(frozen=True)
class Cloud:
    """The emulators of Azure, Firebase and Redis in other processes, and the settings that lead there."""

    settings: Mapping[str, str] = field(repr=False)
    pid: int


@contextmanager
def cloud() -> Iterator[Cloud]:
    """Run the emulators while the body runs; their data end with them."""
    command = [sys.executable, "-m", "tests.emulators", "--json", *EMULATORS]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            settings = _object(process.stdout)
            if not settings.keys() >= NEEDED:
                errors.seek(0)
                raise NotInstalled(f"the emulators did not start (make setup): {errors.read()}")
            yield Cloud(settings, process.pid)
        finally:
            _stop(process)


def first_line(stream: IO[str] | None) -> str:
    """Return the first line that a process prints, once it has."""
    return stream.readline() if stream else ""


def _object(stream: IO[str] | None) -> dict[str, str]:
    """Return the JSON that was printed in a line; nothing if nothing was printed."""
    return dict(json.loads(first_line(stream) or "{}"))


@contextmanager
def system(
    name: str, environment: Mapping[str, str], folder: Path, *, worker: bool = True
) -> Iterator[System]:
    """Run a system over what `prepare` has written, while the body runs; without a worker if told so."""
    if name == REFERENCE:
        command = [str(REFERENCE_PYTHON), "-m", "benchmarks.reference", "--port", "0"]
    elif not worker or name != AZURE:
        command = [*THERAPY, "serve", *(() if worker else ("--no-worker",))]
    else:
        command = [*THERAPY, "all"]
    log = folder / f"{name}.log"
    began = time.monotonic()
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            url = _address(process, log)
            started = time.monotonic() - began
            yield System(name, url, process.pid, environment, folder, started)
        finally:
            _stop(process)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """Return the URL that a system prints once it answers."""
    for line in process.stdout or ():
        if line.startswith("live "):
            return f"http://127.0.0.1:{line.split()[1]}"
        for word in line.split():
            if word.startswith("http://"):
                return word.rstrip(".,/")
    raise RuntimeError(f"{process.args} did not start:\n{log.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a directory that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="therapy-compare-") as name:
        yield Path(name)


def prepare(name: str, near: Path, emulators: Cloud | None, jobs: int) -> dict[str, str]:
    """Write the practice into a system's store, in directory `near`, and return its environment.

    Raises:
        NotInstalled: the reference is not.
    """
    settings = dict(emulators.settings) if emulators and name in {AZURE, REFERENCE} else {}
    base = {
        "PATH": os.environ["PATH"],
        "PYTHONUTF8": "1",
        "PORT": "0",
        "JWT_SECRET_KEY": secrets.token_hex(32),
        "TMPDIR": str(near),
    }
    if name == REFERENCE:
        return _prepare_reference(base | settings | {"COSMOS_DATABASE_NAME": "reference"}, jobs)
    data = near / name
    environment = (
        base
        | settings
        | RAISED
        | {
            "THERAPY_HOST": "127.0.0.1",
            "THERAPY_DATA_DIR": str(data),
            "SPEECH_LANGUAGE": "en-US",
            "GUNICORN_WORKERS": API_PROCESSES[name],
            "THERAPY_WORKER_PROCESSES": WORKER_PROCESSES[name],
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), settings.get("PYTHONPATH")))),
        }
    )
    other = near / {EMBEDDED_ONE: EMBEDDED_TWO, EMBEDDED_TWO: EMBEDDED_ONE}.get(name, "")
    if name != AZURE and other.is_dir():
        shutil.copytree(other, data)
    else:
        _seed(environment, write_practice(near, jobs), migrate=name == AZURE)
    return environment


def _seed(environment: Mapping[str, str], practice: Path, *, migrate: bool) -> None:
    if migrate:
        _run([*THERAPY, "migrate"], environment)
    _run([*THERAPY, "seed", "--file", str(practice), "--password-stdin"], environment, PASSWORD)


def _run(command: list[str], environment: Mapping[str, str], said: str = "") -> None:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; has what it said.
    """
    done = subprocess.run(
        command, input=said, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )


def _prepare_reference(environment: dict[str, str], jobs: int) -> dict[str, str]:
    require_reference()
    command = [
        *(str(REFERENCE_PYTHON), "-m", "benchmarks.reference", "seed"),
        *("--therapist", THERAPIST, "--patient", PATIENT),
        *("--password", PASSWORD, "--sessions", str(ROWS if jobs else 0)),
    ]
    _run(command, environment)
    return environment


def require_reference(python: Path = REFERENCE_PYTHON) -> None:
    """Raise NotInstalled unless the reference can be run, by this interpreter."""
    if not python.exists() or not (ROOT / "benchmarks" / "reference").is_dir():
        raise NotInstalled(
            "the reference is not installed: run `make .tools/reference/.installed`, or leave it out with"
            f" --systems {','.join(OURS)}"
        )
