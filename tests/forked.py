"""Processes that fork from one with everything imported, for tests that start many: SDKs take seconds.

One such process a test process is started when it is first asked for. What it forks has nothing else of the
tests: no event loop, no thread, no patched environment. How a program starts is not tested with it.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from therapy.entrypoints.cli import main

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.forked",
        "tests.azure.dying_copy",
        "tests.chaos.backups",
        "therapy.entrypoints.cli.command_group",
        "therapy.entrypoints.http.app",
        "therapy.wiring",
        "therapy.adapters.azure.blob.recordings",
        "therapy.adapters.azure.cosmos.store",
        "therapy.adapters.azure.language.client",
        "therapy.adapters.azure.speech.engine",
        "therapy.adapters.firebase.push",
        "therapy.adapters.redis",
        "therapy.adapters.smtp",
    ]
)


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


def _therapy(
    arguments: tuple[str, ...], environment: dict[str, str], folder: Path, outputs: tuple[str, str]
) -> None:
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for place in environment.get("PYTHONPATH", "").split(os.pathsep):
        if (site := Path(place) / "sitecustomize.py").is_file():  # as any Python does at its start
            runpy.run_path(str(site))
    sys.argv = ["therapy", *arguments]
    main()
