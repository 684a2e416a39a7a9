"""What processes that run for long keep of the memory that they needed once."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # processes of their own

MB = 1024 * 1024

KEPT = """
import asyncio, sys
from therapy.adapters.passwords import Argon2Passwords
from therapy.entrypoints.process_memory import giving_back_memory, resident_bytes, use_one_heap

async def kept():
    async with Argon2Passwords.open() as passwords, giving_back_memory(every=0.05):
        before = resident_bytes()
        await asyncio.gather(*(passwords.hash("a password") for _ in range(8)))
        for _ in range(100):
            if resident_bytes() < before + 8 * 1024 * 1024:
                break
            await asyncio.sleep(0.05)
        return resident_bytes() - before

if sys.argv[1:] != ["each thread from its own"]:
    use_one_heap()
print(asyncio.run(kept()))
"""


def kept_of_hashes(*arguments: str) -> int:
    """The bytes that a process has more after eight hashes, two at a time; 5 s later at the latest."""
    said = subprocess.run(
        [sys.executable, "-c", KEPT, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return int(said.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator there is not glibc's")
def test_two_threads_that_hashed_passwords_keep_none_of_the_memory_for_it() -> None:
    assert kept_of_hashes() < 8 * MB
    assert kept_of_hashes("each thread from its own") > 30 * MB  # what glibc does by itself


WITHOUT_FILES = """
import asyncio, os, resource
from therapy.entrypoints.process_memory import giving_back_memory

async def run():
    async with giving_back_memory(every=0.01):
        await asyncio.sleep(0.05)
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        opened = []
        try:
            while True:
                opened.append(os.dup(0))
        except OSError:
            await asyncio.sleep(0.05)
        for each in opened:
            os.close(each)

asyncio.run(run())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is looked at elsewhere")
def test_a_process_that_has_no_file_left_to_open_ends_as_ever() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILES],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
