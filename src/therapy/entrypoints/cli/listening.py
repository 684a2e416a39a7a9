"""Listening: the socket of a server, and what it prints once it listens."""

import logging
import socket

import rich_click as click
from msgspec.structs import replace

from therapy.config import Settings
from therapy.entrypoints.cli.environment import (
    environment_of_this_machine,
    settings_of_this_machine,
)
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.start_summary import start_warnings, summary

BACKLOG = 2_048

log = logging.getLogger(__name__)


def listening_at(host: str | None, port: int | None) -> Settings:
    """Return this machine's settings; host and port of the command line have precedence."""
    settings = settings_of_this_machine(host=host)
    return settings if port is None else replace(settings, port=port)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; opened before anything else, so that two servers can't share a port.

    Raises:
        CommandFailed: the address is in use, or not this machine's.
    """
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as exc:
        reason = (exc.strerror or "not possible").partition(" (")[0].lower()
        raise CommandFailed(
            f"cannot listen on {host}, port {port}: {reason}; "
            "PORT=8001 or --port 8001 uses another one, 0 a free one"
        ) from None


def url_of(listener: socket.socket) -> str:
    """Return the URL for a client on this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announce(what: str, where: str, data: str) -> None:
    """Print the one line that announces a start."""
    click.echo(f"{what} {where}  (data in {data}; Ctrl-C stops it)")


def announce_summary(settings: Settings, *, listens: bool = True) -> None:
    """Print what is served by what; log what is doubtful about settings of a server."""
    here = environment_of_this_machine()
    for line in summary(settings, here.sources):
        click.echo(line)
    for warning in start_warnings(settings, here.variables) if listens else ():
        log.warning(warning)
