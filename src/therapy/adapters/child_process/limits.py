"""How much of the machine a child process may use; and whether that is so on this machine.

The parent sends the limits with its order, the child sets them before it reads what a stranger sent. Memory
is counted from what the process has at that moment, because libraries and models differ in size. It is
limited as data (RLIMIT_DATA), not as address space: a recogniser of 470 MB reserves 1.5 GB of addresses for
the stacks of its threads. Linux 4.7 and newer count everything that is written there, macOS limits no memory.
"""

import resource
from contextlib import suppress
from math import ceil
from pathlib import Path

from msgspec import Struct

PAGE = resource.getpagesize()
STATM_DATA = 5
"""Which number of /proc/self/statm is the pages of data; the man page proc(5) lists them."""


class Limits(Struct, frozen=True):
    """What a child may use: bytes of memory beyond what it has, seconds of CPU, open files.

    Of CPU it may use `cpu` seconds, and `cpu_per_minute` more for each minute of audio that it has got
    through. `silence` is how many seconds the parent waits for its next message. Unless it `writes`, it may
    write to no file, not even to a log that its stderr is.
    """

    memory: int
    cpu: float = 120.0
    cpu_per_minute: float = 15.0
    silence: float = 300.0
    files: int = 64
    writes: bool = False


class Allowance:
    """The limits of this process, set when it is made; `more` raises the CPU time as work gets done."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._cpu = limits, 0
        if not limits.writes:
            _set(resource.RLIMIT_FSIZE, 0)
        _set(resource.RLIMIT_NOFILE, limits.files)
        self.more(0.0)
        if (now := data_bytes()) is not None:
            _set(resource.RLIMIT_DATA, now + limits.memory)

    def more(self, seconds: float) -> None:
        """Allow the CPU time for `seconds` of audio in all."""
        allowed = ceil(self._limits.cpu + self._limits.cpu_per_minute * seconds / 60)
        if allowed != self._cpu:
            self._cpu = allowed
            _set(resource.RLIMIT_CPU, allowed, soft_only=True)

    def memory_is_the_recordings_fault(self) -> bool:
        """Return whether memory that was refused was refused by this limit: the machine has as much left."""
        left = available_bytes()
        return left is None or left >= self._limits.memory


def data_bytes() -> int | None:
    """Return the bytes of data that this process has mapped; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[STATM_DATA]) * PAGE
    except (OSError, IndexError, ValueError):
        return None


def available_bytes() -> int | None:
    """Return the memory that the machine can still give, in bytes; None where the system does not say."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _set(kind: int, value: int, *, soft_only: bool = False) -> None:
    """Lower a limit, never raise it above what the system allows this process."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(ValueError, OSError):  # macOS knows some of these limits by name only
        resource.setrlimit(kind, (value, hard if soft_only else value))
