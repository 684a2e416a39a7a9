"""The transport of all Azure clients: its TCP connections send keep-alive probes while they are silent.

Azure's load balancers forget a connection over which nothing has passed for four minutes and drop what comes
afterwards, so that an answer that takes longer never arrives. aiohttp probes only as a server.
"""

import socket
from collections.abc import Callable
from typing import Any
from urllib.request import getproxies

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport

from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS, keep_alive_options

READ_BYTES = 1 << 18
"""So much of an answer may wait for whoever reads it, before its connection is left full."""

KEPT_SECONDS = 120.0
"""How long a connection stays open for the next request, aiohttp's own 15 otherwise: a new one costs two or
three round trips and a TLS handshake. One that the service closes is noticed and not used again."""


CONNECT_SECONDS = 5.0
"""How long a connection may take to be made; azure.core waits 300 seconds."""


def keep_alive_socket(idle: float) -> Callable[[Any], socket.socket]:
    """Return what makes aiohttp's sockets: they send a probe after `idle` seconds of silence (at least 1)."""
    options = keep_alive_options(idle)

    def make(address: Any) -> socket.socket:
        family, kind, protocol = address[:3]
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in options.items():
            made.setsockopt(socket.IPPROTO_TCP, option, value)
        return made

    return make


class KeepAliveTransport(AioHttpTransport):  # type: ignore[misc] # exported lazily, so it is Any
    """azure.core's transport with such sockets; of `options` it uses its own, e.g. `read_timeout`.

    The environment's proxies are used, if it names any when the session is opened. Otherwise aiohttp is told
    to look for none: it would ask two threads before every request, which is a fifth of a request's CPU, and
    one of them for a password in `.netrc`, where none of ours is.
    """

    session: aiohttp.ClientSession | None

    def __init__(
        self, idle: float = KEEP_ALIVE_SECONDS, *, kept: float = KEPT_SECONDS, **options: Any
    ) -> None:
        super().__init__(**{"connection_timeout": CONNECT_SECONDS} | options)
        self._idle, self._kept = idle, kept

    async def open(self) -> None:
        """Open the session, as azure.core does but for its connector; once closed it stays closed."""
        if self.session is None and not self._has_been_opened:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    socket_factory=keep_alive_socket(self._idle), keepalive_timeout=self._kept
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=bool(getproxies()),
                read_bufsize=READ_BYTES,
            )
        await super().open()
