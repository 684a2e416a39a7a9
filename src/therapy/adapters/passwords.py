"""Passwords by Argon2id, in separate threads, two at a time, 19 MiB each (OWASP: m=19456 t=2 p=1).

On Linux these threads have a lower priority than the rest: a hash keeps a core busy for 15 ms and more, and
the event loop, which needs it for less than one, would wait for its turn behind it.

Only so many wait for their turn that the last one is answered soon; whoever comes then is told to come again.
"""

import asyncio
import base64
import gzip
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.domain.people import common_forms, password_forms
from therapy.ports.passwords import Passwords

AT_ONCE = 2
MOST_WAITING = 32
"""About half a second of work for a processor of our days."""

LOWER_BY = 5
"""By how much the threads' niceness is above the process's: they get a third of what the loop gets."""

BUSY_SECONDS = 2
"""After how long whoever found too many waiting may come again."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Explicit costs: the library's defaults take three times the memory."""

T = TypeVar("T")


def _lower_priority() -> None:
    """Lower the priority of the calling thread, where it has one (Linux) and no sandbox forbids it."""
    if sys.platform == "linux":
        with suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, 0) + LOWER_BY
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


def _hash_of_nobody() -> str:
    """Return what is compared for an address that nobody has: a random hash, so that a start makes none."""
    salt, digest = (
        base64.b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (HASHER.salt_len, HASHER.hash_len)
    )
    costs = f"m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${costs}${salt}${digest}"


@cache
def _common_passwords() -> frozenset[str]:
    """Return the common passwords of eight characters and more, read when one is set for the first time."""
    packed = files(__package__).joinpath("common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n")) - {""}


class Argon2Passwords(Passwords):
    """Hashes with Argon2id; an unknown address takes as long as a wrong password."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._limit = ConcurrencyLimit(AT_ONCE + most_waiting, "busy", retry_after=BUSY_SECONDS)
        self._hasher = HASHER
        self._nobody = _hash_of_nobody()
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords", initializer=_lower_priority)

    @classmethod
    @asynccontextmanager
    async def open(cls, most_waiting: int = MOST_WAITING) -> AsyncIterator["Argon2Passwords"]:
        """Yield the adapter; end its threads at the end."""
        passwords = cls(most_waiting)
        try:
            yield passwords
        finally:
            await asyncio.to_thread(passwords._threads.shutdown)

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: self._hasher.hash(password_forms(password)[0]))

    async def verify(self, password: str, hashed: str) -> bool:
        right = await self._in_thread(lambda: self._verify(password, hashed or self._nobody))
        return right and bool(hashed)

    async def is_common(self, password: str) -> bool:
        common = await asyncio.to_thread(_common_passwords)
        return not common.isdisjoint(common_forms(password))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread of this adapter's own, so that waiting calls block no one else's.

        What has begun counts until it ends, also if its caller was cancelled: its thread goes on.

        Raises:
            Unavailable: too many calls wait already (`busy`).
        """
        loop = asyncio.get_running_loop()

        def count_end(_: object) -> None:
            with suppress(
                RuntimeError
            ):  # the loop was closed meanwhile, and nobody counts any more
                loop.call_soon_threadsafe(self._limit.end)

        self._limit.begin()
        try:
            doing = self._threads.submit(work)
        except RuntimeError:  # the threads were ended
            self._limit.end()
            raise
        doing.add_done_callback(count_end)
        return await asyncio.wrap_future(doing)

    def _verify(self, password: str, hashed: str) -> bool:
        """Return whether a form of the password matches; tries all of them, if none does."""
        return any(self._matches(form, hashed) for form in password_forms(password))

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
