"""Passwords by Argon2id, in threads, two at a time: 19 MiB each (OWASP's minimum, m=19456 t=2 p=1)."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from therapy.ports.passwords import Passwords

AT_ONCE = 2


class Argon2Passwords(Passwords):
    """Argon2id with explicit costs; the library's defaults take three times the memory."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, hashed: str) -> bool:
        async with self._turn:
            right = await asyncio.to_thread(self._verify, password, hashed or self._nobody)
        return right and bool(hashed)

    def _verify(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
