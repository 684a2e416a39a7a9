"""Processes that fork from one with everything imported, for tests that start many: SDKs take seconds.

One such process (`preloaded`) a test process is started when it is first asked for. What it forks has
nothing else of the tests: no event loop, no thread, no patched environment. How a program starts is not
tested with it.
"""

import multiprocessing
import os
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from therapy.entrypoints.cli import main

URL = re.compile(r"http://\S+")
STOP_SECONDS = 20.0

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.preloaded"])


def run(work: Callable[..., object], *arguments: Any) -> int:
    """Call a function in a forked process and return its exit code, -9 if it was killed."""
    child = _FORKS.Process(target=work, args=arguments)
    child.start()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def run_therapy(
    *arguments: str, environment: dict[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run `therapy` with these arguments and nothing but this environment."""
    with (
        tempfile.NamedTemporaryFile(suffix=".out") as out,
        tempfile.NamedTemporaryFile(suffix=".err") as err,
    ):
        code = run(_therapy, arguments, environment, folder, (out.name, err.name))
        said = out.read().decode(), err.read().decode()
    return subprocess.CompletedProcess(arguments, code, *said)


class Therapy:
    """`therapy` with these arguments in a forked process, used like a subprocess.Popen of it.

    What it prints is in the files `out` and `err` of its folder, after what others have printed there.
    """

    def __init__(
        self,
        *arguments: str,
        environment: dict[str, str],
        folder: Path,
        out: str = "stdout",
        err: str = "stderr",
    ) -> None:
        self.out, self.err = folder / out, folder / err
        for each in (self.out, self.err):
            each.touch()
        self._before = self.out.stat().st_size
        outputs = str(self.out), str(self.err)
        self._child = _FORKS.Process(
            target=_therapy, args=(arguments, environment, folder, outputs)
        )
        self._child.start()
        assert self._child.pid is not None
        self.pid = self._child.pid

    def poll(self) -> int | None:
        return self._child.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._child.join(timeout)
        if self._child.exitcode is None:
            raise subprocess.TimeoutExpired("therapy", timeout or 0)
        return self._child.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def await_text(self, wanted: "re.Pattern[str]", patience: float = 60.0) -> str:
        """Wait until it has printed this and return it."""
        end = time.monotonic() + patience
        while not (found := wanted.search(self.out.read_text()[self._before :])):
            assert self.poll() is None, self.err.read_text(errors="replace")[-2_000:]
            assert time.monotonic() < end, "it took too long"
            time.sleep(0.02)
        return found[0]


@contextmanager
def serving(environment: dict[str, str], folder: Path, *options: str) -> Iterator[str]:
    """Yield the address of a `therapy serve` that runs meanwhile; it must end as it should."""
    process = Therapy(
        "serve",
        *options,
        environment=environment,
        folder=folder,
        out="server.out",
        err="server.log",
    )
    try:
        yield process.await_text(URL)
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0, process.err.read_text()[-2_000:]
    finally:
        process.kill()
        process.wait(STOP_SECONDS)


def _therapy(
    arguments: tuple[str, ...], environment: dict[str, str], folder: Path, outputs: tuple[str, str]
) -> None:
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for place in environment.get("PYTHONPATH", "").split(os.pathsep):
        if (site := Path(place) / "sitecustomize.py").is_file():  # as any Python does at its start
            runpy.run_path(str(site))
    sys.argv = ["therapy", *arguments]
    main()
