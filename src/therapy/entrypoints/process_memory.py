"""Keeps a process that runs for long from keeping memory that it needed once.

A password's hash takes 19 MiB for a moment, an upload parts of 4 MiB. glibc's allocator lets each thread
take them from a heap of its own and keeps those heaps: 39 MB after the first sign-ins, 215 after many uploads
at once. So all threads share one heap (Python's allocate one after another anyway), and what is free in it is
given back once it is much. To have each large block from the system, and back, would cost a fifth more for
every password. Elsewhere (macOS, musl) there is nothing to be set, and nothing is done.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path

ARENA_MAX = "MALLOC_ARENA_MAX"
"""The setting of glibc's own, for which whoever starts us may have another value."""

_M_ARENA_MAX = -8
"""The parameter's number in malloc.h."""

MUCH = 4 * 1024 * 1024
"""Bytes above the least that a process had from which on it looks for free memory, in half a millisecond."""

LOOK_SECONDS = 1.0

_SIZES = Path("/proc/self/statm")


@cache
def _glibc(name: str) -> Callable[..., int] | None:
    """Return a function of glibc's allocator; None if this process has another one."""
    return getattr(ctypes.CDLL(None), name, None)


def use_one_heap() -> bool:
    """Have all threads allocate from one heap; called before any of them starts.

    Return False where that can't be set, as the allocator is not glibc's, or must not, as the environment
    sets it.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None or ARENA_MAX in os.environ:
        return False
    return bool(mallopt(_M_ARENA_MAX, 1))


@asynccontextmanager
async def giving_back_memory(every: float = LOOK_SECONDS) -> AsyncIterator[None]:
    """Give memory that is free back to the system while the body runs, soon after it was needed."""
    trim = _glibc("malloc_trim")
    if trim is None or sys.platform != "linux":
        yield
        return
    giving = asyncio.create_task(_give_back(trim, every))
    try:
        yield
    finally:
        giving.cancel()
        with suppress(asyncio.CancelledError):
            await giving


async def _give_back(trim: Callable[[int], int], every: float) -> None:
    least = resident_bytes()
    while True:
        await asyncio.sleep(every)
        with suppress(OSError):  # all files that it may have are open: it looks again
            # also where the last time did not help: it may have been in use
            if resident_bytes() > least + MUCH:
                await asyncio.to_thread(trim, 0)
            least = min(least, resident_bytes())


def resident_bytes() -> int:
    """Return how much memory of the machine this process has; read from a file in memory, in microseconds."""
    return int(_SIZES.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
