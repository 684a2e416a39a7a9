"""The HTTP server, uvicorn: its configuration, and its answer to what is not HTTP at all."""

import asyncio
import json
import math
import socket

import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from therapy.config import Settings
from therapy.domain.messages import advice, sentence

CODE = "malformed_request"


def server_config(app: Litestar, settings: Settings) -> uvicorn.Config:
    """Return the configuration for serving the application.

    Only trusted proxies may say what a client's address is; it is then `scope["client"]`.
    """
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.drain.total_seconds()),
        http=PlainProtocol,
        ws="none",
    )


class PlainProtocol(HttpToolsProtocol):
    """Refuses e.g. an unknown method before there is a request that the application could see."""

    def connection_made(  # type: ignore[override] # uvicorn narrows asyncio's type
        self, transport: asyncio.Transport
    ) -> None:
        """Send what is written at once: else a body waits 40 ms for the client to acknowledge its head.

        uvloop does so by itself, asyncio only for sockets of its own making.
        """
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send_400_response(self, msg: str) -> None:
        """Answer and close; uvicorn's own `msg` is not used."""
        del msg
        error = sentence(CODE, "en")
        body = {
            "type": f"urn:therapy:problem:{CODE}",
            "title": "Bad Request",
            "status": 400,
            "detail": advice(CODE, "en") or error,
            "error": error,
            "code": CODE,
        }
        content = json.dumps(body).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(content)}\r\n"
            "cache-control: no-store\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()
