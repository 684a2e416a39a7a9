"""Passwords by Argon2id, in separate threads, two at a time, 19 MiB each (OWASP: m=19456 t=2 p=1).

Only so many wait for their turn that the last one is answered soon; whoever comes then is told to come again.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from therapy.domain.errors import Unavailable
from therapy.domain.people import common_forms, password_forms
from therapy.ports.passwords import Passwords

AT_ONCE = 2
MOST_WAITING = 32
"""About half a second of work for a processor of our days."""

BUSY_SECONDS = 2
"""After how long whoever found too many waiting may come again."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""Explicit costs: the library's defaults take three times the memory."""

T = TypeVar("T")


@cache
def _hash_of_nobody() -> str:
    """Return what is compared for an address that nobody has, made once in a process."""
    return HASHER.hash("nobody has this password")


@cache
def _common_passwords() -> frozenset[str]:
    """Return the common passwords of eight characters and more, read when one is set for the first time."""
    packed = files(__package__).joinpath("common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n")) - {""}


class Argon2Passwords(Passwords):
    """Hashes with Argon2id; an unknown address takes as long as a wrong password."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most = AT_ONCE + most_waiting
        self._here = 0
        self._hasher = HASHER
        self._nobody = _hash_of_nobody()
        self._threads = ThreadPoolExecutor(AT_ONCE, "passwords")

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
        return not _common_passwords().isdisjoint(common_forms(password))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread of this adapter's own, so that waiting calls block no one else's.

        Raises:
            Unavailable: too many calls wait already (`busy`).
        """
        if self._here >= self._most:
            raise Unavailable("busy", retry_after=BUSY_SECONDS)
        self._here += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._here -= 1

    def _verify(self, password: str, hashed: str) -> bool:
        """Return whether a form of the password matches; tries all of them, if none does."""
        return any(self._matches(form, hashed) for form in password_forms(password))

    def _matches(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
