"""Brokers, listeners and identities for the tests of the doorbell over a real Valkey."""

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from therapy.adapters.redis import RedisBroker
from therapy.adapters.taskiq import TaskiqDoorbell
from therapy.ports.doorbell import Ring

PATIENCE = 60.0


@contextlib.asynccontextmanager
async def a_broker(port: int, **options: Any) -> AsyncIterator[RedisBroker]:
    broker = RedisBroker("127.0.0.1", port, **({"tls": False} | options))
    try:
        yield broker
    finally:
        await broker.shutdown()


class Listener:
    """Listens until the block is over; notes what it received."""

    def __init__(self, broker: RedisBroker) -> None:
        self.received: list[str] = []
        self._doorbell = TaskiqDoorbell(broker)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._doorbell.listen(self._answer))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task], timeout=PATIENCE)
        assert self._task.done()

    async def _answer(self, rings: Sequence[Ring]) -> None:
        self.received += [session_id for _, session_id in rings]


async def until(told: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not told():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.02)


class Identity:
    """A credential that gives one token after the other."""

    def __init__(self, *tokens: str) -> None:
        self.tokens, self.scopes = list(tokens), list[str]()

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        if not self.tokens:
            raise ClientAuthenticationError("no identity")
        return AccessToken(self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0], 0)


def token_of(object_id: str, number: int = 1) -> str:
    claims = json.dumps({"oid": object_id, "n": number}).encode()
    return f"header.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


@contextlib.asynccontextmanager
async def tls_before(port: int, crt: Path, key: Path) -> AsyncIterator[int]:
    """TLS in front of a Valkey, as Azure's 6380 and 10000 have it; gives the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(crt, key)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await source.read(65_536):
                sink.write(block)
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, forth), carry(back, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as front:
        yield front.sockets[0].getsockname()[1]
