"""What processes that run for long keep of the memory that they needed once."""

import subprocess
import sys

import pytest

MB = 1024 * 1024

KEPT = """
import os, sys
from concurrent.futures import ThreadPoolExecutor

from therapy.adapters.passwords import HASHER
from therapy.entrypoints.process_memory import use_one_heap

def resident():
    with open("/proc/self/statm") as sizes:
        return int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

heaps = "of their own" if sys.argv[1:] == ["each"] else use_one_heap()
threads = ThreadPoolExecutor(2)
before = resident()
list(threads.map(HASHER.hash, ["a password"] * 8))
print(heaps, resident() - before)
"""


def kept_of_hashes(*arguments: str) -> int:
    said = subprocess.run(
        [sys.executable, "-c", KEPT, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return int(said.stdout.split()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="the heap of a thread is glibc's")
def test_two_threads_that_hashed_passwords_keep_none_of_the_memory_for_it() -> None:
    assert kept_of_hashes() < 10 * MB
    assert kept_of_hashes("each") > 30 * MB  # what glibc does by itself
