"""Starting a child process, and ending it."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from therapy.domain.errors import EngineFailed

SEARCH_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Where some installations of Python keep the libraries without which it does not start."""

NOTHING: Mapping[str, str] = MappingProxyType({})


async def start_child(
    module: str, *, limit: int, environment: Mapping[str, str] = NOTHING
) -> Process:
    """Start a module with `python -m` and return the process, with pipes for its stdin and stdout.

    `limit` is how many bytes of its output may wait here. Besides `environment` it gets what it needs to run
    the same code as this process, and nothing else.

    Raises:
        EngineFailed: no process can be started, e.g. for want of memory or of file descriptors.
    """
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # import nothing from the working directory
            "-m",
            module,
            stdin=PIPE,
            stdout=PIPE,
            limit=limit,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends the child
            env={
                "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
                "PYTHONUTF8": "1",
                "MALLOC_ARENA_MAX": "2",
                **{name: os.environ[name] for name in SEARCH_PATHS if name in os.environ},
                **environment,
            },
        )
    except OSError as exc:
        raise EngineFailed("engine_failed", reason="no_process") from exc


async def end_child(child: Process) -> None:
    """Kill a child, close its pipes and reap it, even if the caller is cancelled meanwhile."""
    kill(child)
    await asyncio.shield(_reap(child))


def kill(child: Process) -> None:
    """Kill a child, unless it has ended."""
    with suppress(ProcessLookupError):
        child.kill()


async def _reap(child: Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    if child.stdout is not None:
        while await child.stdout.read(1 << 16):
            pass
    await child.wait()
