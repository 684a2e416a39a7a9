"""The HTTP server, uvicorn: its configuration, and what it does when it stops."""

import math
import socket
from functools import partial

import uvicorn
from litestar import Litestar

from therapy.config import Settings
from therapy.entrypoints.http.answered_app import AnsweredApp
from therapy.entrypoints.http.bounded_protocol import BoundedProtocol
from therapy.entrypoints.http.connection_limits import OpenConnections, connection_limits
from therapy.wiring import Therapy


class HttpServer(uvicorn.Server):
    """Serves the application; once it stops, every request that still comes is answered 503."""

    def __init__(self, app: Litestar, settings: Settings) -> None:
        limits = connection_limits(settings)
        self._app = app
        self.connections = OpenConnections(limits, settings.trusted_proxies)
        super().__init__(server_config(app, settings, self.connections))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests under way; streams of events end at once, and are opened again elsewhere."""
        self.connections.stopping = True
        therapy: Therapy | None = self._app.state.get("therapy")
        if therapy is not None:
            therapy.installation.followed_sessions.end_all()
        await super().shutdown(sockets)


def server_config(
    app: Litestar, settings: Settings, connections: OpenConnections
) -> uvicorn.Config:
    """Return the configuration for serving the application.

    Only trusted proxies may say what a client's address is; it is then `scope["client"]`.
    """
    protocol = partial(BoundedProtocol, connections=connections, language=settings.language)
    return uvicorn.Config(
        AnsweredApp(app, connections, settings.language),
        access_log=False,
        log_config=None,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_keep_alive=math.ceil(connections.limits.idle_seconds),
        timeout_graceful_shutdown=math.ceil(settings.drain.total_seconds()),
        http=protocol,  # type: ignore[arg-type] # uvicorn calls it and does nothing else
        ws="none",
    )
