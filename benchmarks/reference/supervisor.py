"""Runs gunicorn and Celery as children until SIGTERM, as the one container of the earlier stack did."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

READY_SECONDS = 60
STOP_SECONDS = 10


def serve(port: int) -> int:
    """Run both; return 0 after SIGTERM or SIGINT, 1 when a child ended by itself or did not start."""
    signal.signal(signal.SIGTERM, _interrupt)
    port = port or _free_port()
    with tempfile.NamedTemporaryFile(prefix="reference-celery-", suffix=".log") as log:
        children = [_start(*_gunicorn(port)), _start(*_celery(), output=Path(log.name))]
        try:
            print("pids", *(child.pid for child in children), flush=True)
            if _both_work(children, port, Path(log.name)):
                print("live", port, flush=True)
                while all(child.poll() is None for child in children):
                    time.sleep(0.5)
            print(Path(log.name).read_text()[-4000:], file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(children)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _gunicorn(port: int) -> list[str]:
    return [
        *("gunicorn", "benchmarks.reference.web:create_app()", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--timeout", "600"),
        *("--workers", os.environ.get("GUNICORN_WORKERS", "2")),
        *("--threads", os.environ.get("GUNICORN_THREADS", "4")),
        *("--log-level", "warning"),
    ]


def _celery() -> list[str]:
    return [
        *("celery", "--app", "benchmarks.reference.celery_app", "worker", "--pool", "prefork"),
        *("--concurrency", os.environ.get("CELERY_CONCURRENCY", "2")),
        *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
    ]


def _start(module: str, *arguments: str, output: Path | None = None) -> subprocess.Popen[bytes]:
    """Start `python -m module` as the leader of a process group of its own.

    Without PYTHONPATH: what tests/emulators puts there would load firebase-admin into every process.
    """
    command = [sys.executable, "-m", module, *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if output is None:
        return subprocess.Popen(command, process_group=0, env=variables, stdout=sys.stderr)
    with output.open("ab") as file:
        return subprocess.Popen(command, process_group=0, env=variables, stdout=file, stderr=file)


def _both_work(children: list[subprocess.Popen[bytes]], port: int, log: Path) -> bool:
    """Wait until the API answers and Celery is ready; False when a child ended or time is up."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and all(child.poll() is None for child in children):
        if _answers(port) and " ready." in log.read_text():
            return True
        time.sleep(0.1)
    return False


def _answers(port: int) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError), contextlib.closing(line):
        line.request("GET", "/health")
        return line.getresponse().status == http.client.OK
    return False


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask the children to end; kill their process groups if they don't."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):  # also what a child left behind
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
