"""Tokens in memory: random texts that can't be forged and reveal nothing."""

import hashlib
import secrets
from datetime import datetime, timedelta

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.errors import NotSignedIn
from therapy.ports.tokens import Tokens


class MemoryTokens(Tokens):
    """Remembers every token that it issued."""

    def __init__(self, lifetime: timedelta = timedelta(minutes=15)) -> None:
        self._issued: dict[str, tuple[Actor, datetime]] = {}
        self._lifetime = lifetime
        self._seed = secrets.token_hex(16)

    def issue(self, actor: Actor, *, now: datetime) -> tuple[str, int]:
        token = secrets.token_hex(16)
        self._issued[token] = replace(actor, request_id="", address=""), now + self._lifetime
        return token, int(self._lifetime.total_seconds())

    def secret_after(self, token: str) -> str:
        return hashlib.sha256(f"{self._seed}|{token}".encode("utf-8", "replace")).hexdigest()

    def keyed_hash(self, text: str) -> str:
        return self.secret_after(f"name|{text}")

    def read(self, token: str, *, now: datetime) -> Actor:
        if token not in self._issued:
            raise NotSignedIn
        actor, ends = self._issued[token]
        if now >= ends:
            raise NotSignedIn("token_expired")
        return actor
