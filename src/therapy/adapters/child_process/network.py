"""Takes the network away from this process, on Linux: a filter of system calls that refuses sockets.

A filter (seccomp) is what an unprivileged process may install everywhere: new namespaces are refused in most
containers, and Landlock knows TCP only. It refuses `socket`, `socketpair` and `io_uring_setup`, which could
make one, in this process and every thread of it, for good. What is open stays open: the pipes.

The numbers are those of Linux's headers: uapi/linux/seccomp.h, filter.h, audit.h and prctl.h; the system
calls' are in arch/x86/entry/syscalls/syscall_64.tbl and uapi/asm-generic/unistd.h (arm64).
"""

import ctypes
import errno
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_TSYNC = 1
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K."""

NUMBER, ARCHITECTURE = 0, 4
"""Where in `struct seccomp_data` the number of the call and the architecture are."""

X32_BIT = 0x40000000
"""Numbers from here on are the second set of calls that x86-64 has."""

INSTRUCTION = struct.Struct("=HBBI")
"""`struct sock_filter`: code, jumps if true and if false, constant."""

MACHINES = {
    "x86_64": (0xC000003E, 317, (41, 53, 425)),
    "aarch64": (0xC00000B7, 277, (198, 199, 425)),
}
"""By machine: AUDIT_ARCH_…, the number of `seccomp`, and of socket, socketpair and io_uring_setup."""


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def leave_network() -> bool:
    """Refuse this process every socket from now on; return False where the system can't do that."""
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    architecture, seccomp, refused = machine
    libc = ctypes.CDLL(None, use_errno=True)
    filtering = _filter(architecture, refused)
    program = _Program(len(filtering) // INSTRUCTION.size, filtering)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    found: int = libc.syscall(
        ctypes.c_long(seccomp),
        ctypes.c_uint(SECCOMP_SET_MODE_FILTER),
        ctypes.c_uint(SECCOMP_FILTER_FLAG_TSYNC),
        ctypes.byref(program),
    )
    return found == 0


def _filter(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Return the filter: a call of another architecture ends the process, a refused one is not permitted."""
    last = len(refused)
    steps = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, last + 1, 0, X32_BIT),
        *((EQUAL, last - at, 0, number) for at, number in enumerate(refused)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ERRNO | errno.EPERM),
    ]
    return b"".join(INSTRUCTION.pack(*each) for each in steps)
