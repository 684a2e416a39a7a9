"""A child process that does what a decoder must not be able to do, and says what was refused.

`parent_side.refused_here` starts it, for `therapy check`: what a system, a container or a kernel allows shows
only where it runs.
"""

import os
import resource
import socket

import msgspec

from therapy.adapters.child_process.child_side import prepare, private_streams
from therapy.adapters.child_process.limits import Allowance, Limits

LIMITS = Limits(memory=16 << 20, cpu=30, files=32)
MORE_MEMORY = 4 * LIMITS.memory
MORE_FILES = 2 * LIMITS.files

MEMORY, CPU, FILES, NETWORK = "memory", "CPU time", "open files", "network"
ALL = (MEMORY, CPU, FILES, NETWORK)


def refused() -> list[str]:
    """Return what is refused to this process."""
    tried = {MEMORY: _takes_memory, CPU: _has_endless_time, FILES: _opens_files, NETWORK: _connects}
    return [name for name, attempt in tried.items() if not attempt()]


def _takes_memory() -> bool:
    try:
        return len(bytearray(MORE_MEMORY)) == MORE_MEMORY
    except MemoryError:
        return False


def _has_endless_time() -> bool:
    return resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY


def _opens_files() -> bool:
    opened = []
    try:
        opened += [os.dup(0) for _ in range(MORE_FILES)]
    except OSError:
        return False
    return bool(opened)


def _connects() -> bool:
    try:
        socket.socket().close()
    except PermissionError:
        return False
    return True


def main() -> None:
    """Write one JSON line: the list of what was refused."""
    _, outgoing = private_streams()
    prepare(os.getppid())
    Allowance(LIMITS)
    outgoing.write(msgspec.json.encode(refused()) + b"\n")
    outgoing.flush()


if __name__ == "__main__":
    main()
