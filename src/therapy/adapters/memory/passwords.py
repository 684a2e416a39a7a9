"""Passwords in memory: salted and quick, for tests only."""

import hashlib
import secrets

from therapy.ports.passwords import Passwords


class MemoryPasswords(Passwords):
    """Hashes with salted SHA-256: two hashes of a password differ, and hashing takes no time."""

    async def hash(self, password: str) -> str:
        return _hashed(secrets.token_hex(8), password)

    async def verify(self, password: str, hashed: str) -> bool:
        salt, _, _ = hashed.partition("$")
        return hashed != "" and hashed == _hashed(salt, password)


def _hashed(salt: str, password: str) -> str:
    digest = hashlib.sha256(f"{salt}${password}".encode("utf-8", "surrogatepass"))
    return f"{salt}${digest.hexdigest()}"
