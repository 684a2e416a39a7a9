"""Keeps a process that runs for long from keeping memory that it needed once.

A password's hash takes 19 MiB for a moment, an upload parts of 4 MiB. glibc's allocator lets each thread
take them from a heap of its own, and keeps the end of that heap for good: 39 MB after the first sign-ins.
With one heap for all threads they are the system's again, at no more CPU: Python's threads allocate one
after another anyway.
"""

import ctypes
import os

ARENA_MAX = "MALLOC_ARENA_MAX"
"""The setting of glibc's own, for which whoever starts us may have another value."""

_M_ARENA_MAX = -8
"""The parameter's number in malloc.h."""


def use_one_heap() -> bool:
    """Have all threads allocate from one heap; called before any of them starts.

    Return False where that can't be set, as the allocator is not glibc's, or must not, as the environment
    sets it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or ARENA_MAX in os.environ:
        return False
    return bool(mallopt(_M_ARENA_MAX, 1))
