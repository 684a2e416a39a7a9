"""Starting a child process, and ending it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

import msgspec

from therapy.domain.errors import EngineDied, EngineFailed

SEARCH_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Where some installations of Python keep the libraries without which it does not start."""

PROBE = "therapy.adapters.child_process.probe"

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


async def refused_here() -> tuple[str, ...]:
    """Return which of `probe.ALL` children are refused on this machine; none if the probe does not start."""
    try:
        child = await start_child(PROBE, limit=1 << 16)
    except EngineFailed:
        return ()
    try:
        line = await child.stdout.readline() if child.stdout is not None else b""
        return msgspec.json.decode(line, type=tuple[str, ...]) if line else ()
    finally:
        await child.wait()
        await end_child(child)


async def end_child(child: Process) -> None:
    """Kill a child, close its pipes and reap it, even if the caller is cancelled meanwhile."""
    kill(child)
    await asyncio.shield(_reap(child))


def kill(child: Process) -> None:
    """Kill a child, unless it has ended.

    Not by `Process.kill`: of a child that has just ended it takes the exit status away from asyncio, which
    then warns and reports 255 instead (seen with CPython 3.11).
    """
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)


def ended(status: int) -> EngineFailed | EngineDied:
    """Return the error for a child that ended without a word, with this exit status.

    A crash, or a limit of its own, may be the recording's fault: EngineDied. SIGKILL is not: whoever runs the
    system sends it, or Linux, to the process that it thinks should go, when the machine has no memory left.
    """
    if status < 0 and -status != signal.SIGKILL:
        return EngineDied(reason="signal", status=status)
    return EngineFailed("engine_failed", reason="ended", status=status)


async def _reap(child: Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    if child.stdout is not None:
        while await child.stdout.read(1 << 16):
            pass
    await child.wait()
