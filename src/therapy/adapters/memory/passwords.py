"""Passwords in memory: salted and quick, for tests only."""

import hashlib
import secrets

from therapy.domain.people import common_forms, password_forms
from therapy.ports.passwords import Passwords

COMMON = frozenset({"password", "12345678", "qwertyuiop", "iloveyou", "sunshine", "football"})


class MemoryPasswords(Passwords):
    """Hashes with salted SHA-256: two hashes of a password differ, and hashing takes no time."""

    async def hash(self, password: str) -> str:
        return _hashed(secrets.token_hex(8), password_forms(password)[0])

    async def verify(self, password: str, hashed: str) -> bool:
        salt, _, _ = hashed.partition("$")
        forms = password_forms(password)
        return hashed != "" and any(hashed == _hashed(salt, form) for form in forms)

    async def is_common(self, password: str) -> bool:
        return not COMMON.isdisjoint(common_forms(password))


def _hashed(salt: str, password: str) -> str:
    digest = hashlib.sha256(f"{salt}${password}".encode("utf-8", "surrogatepass"))
    return f"{salt}${digest.hexdigest()}"
