"""`therapy serve` and `therapy worker`: the commands that run until they are stopped."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from types import FrameType
from typing import TYPE_CHECKING

import rich_click as click
from msgspec.structs import replace

from therapy.config import Settings, is_loopback
from therapy.entrypoints.cli.environment import (
    data_at,
    environment_of_this_machine,
    settings_of_this_machine,
)
from therapy.entrypoints.cli.faults.error_messages import CommandFailed
from therapy.entrypoints.cli.interruption import STOPPING, StopSignals
from therapy.entrypoints.cli.start_summary import DEMO_PRACTICE, start_warnings, summary

if TYPE_CHECKING:
    from therapy.wiring import Therapy

BACKLOG = 2_048

log = logging.getLogger(__name__)

_stdin_option = click.option("--end-with-stdin", "until_eof", is_flag=True, hidden=True)
"""For `therapy all`: see `end_with_stdin`."""


@click.command()
@click.option("--host", help="The address to listen on, instead of THERAPY_HOST (127.0.0.1).")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="The port, instead of PORT (8000); 0 takes a free one.",
)
@click.option(
    "--no-worker", is_flag=True, help="Only answer requests; run `therapy worker` for the work."
)
@click.option("--socket", "descriptor", type=int, hidden=True)
@_stdin_option
def serve(
    *, host: str | None, port: int | None, no_worker: bool, descriptor: int | None, until_eof: bool
) -> None:
    """Start the API and, in the same process, the worker.

    \b
    [bold]Example[/]
      [cyan]therapy serve --port 8000[/]

    [bold]You see[/] the address, the data directory, and what is served by what; then, on stderr, a line of
    JSON for each warning and request. The API's documentation is at [cyan]/schema[/]. Ctrl-C or SIGTERM stops
    it: open requests are answered, unfinished work is put back for the next start. A second Ctrl-C ends it at
    once.
    """
    from therapy.entrypoints.process_memory import use_one_heap

    use_one_heap()
    settings = listening_at(host, port)
    if until_eof:
        end_with_stdin()
    signals = StopSignals(say=not until_eof)
    with signals.until_stopped():
        run_server(settings, signals, with_worker=not no_worker, descriptor=descriptor)


@click.command()
@_stdin_option
def worker(*, until_eof: bool) -> None:
    """Work on recordings without answering requests, with the same data as a server.

    \b
    [bold]Example[/]
      [cyan]therapy serve --no-worker[/]   in one terminal
      [cyan]therapy worker[/]              in another, on the same machine

    [bold]You see[/] the data directory and what is served by what, and lines of JSON on stderr if something
    goes wrong. Ctrl-C or SIGTERM stops it: unfinished work is put back for the next worker. A second Ctrl-C
    ends it at once.
    """
    from therapy.entrypoints.logs import configure_logs
    from therapy.entrypoints.process_memory import use_one_heap

    use_one_heap()
    settings = settings_of_this_machine()
    configure_logs(settings.log_level)
    if until_eof:
        end_with_stdin()
    signals = StopSignals(say=not until_eof)
    with signals.until_stopped():
        asyncio.run(_work(settings, signals))


def listening_at(host: str | None, port: int | None) -> Settings:
    """Return this machine's settings; host and port of the command line have precedence."""
    settings = settings_of_this_machine(host=host)
    return settings if port is None else replace(settings, port=port)


def end_with_stdin() -> None:
    """Stop as on SIGTERM once standard input ends, i.e. when the process that started us has ended."""

    def wait() -> None:
        # Not through sys.stdin, whose lock could block our exit.
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-stdin", daemon=True).start()


def run_server(
    settings: Settings, signals: StopSignals, *, with_worker: bool, descriptor: int | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, on an already listening socket if its descriptor is passed.

    A child of `therapy all`, whose `signals` say nothing, prints no more than its address and data.

    Raises:
        CommandFailed: the address is in use, or not this machine's.
        OSError, TherapyError: something that it depends on can't be opened.
    """
    from therapy.entrypoints.http.app import make_app
    from therapy.entrypoints.http.server import HttpServer
    from therapy.entrypoints.logs import configure_logs
    from therapy.wiring import Therapy, open_therapy

    configure_logs(settings.log_level)
    faults: list[Exception] = []

    @contextlib.asynccontextmanager
    async def opening(settings: Settings) -> AsyncIterator[Therapy]:
        async with contextlib.AsyncExitStack() as stack:
            try:
                opened = await stack.enter_async_context(open_therapy(settings))
            except Exception as exc:
                faults.append(exc)  # raised below, instead of uvicorn's two lines
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                raise
            await _note_demo_practice(opened)
            yield opened

    data = data_at(settings)

    class Announcing(HttpServer):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            announce("therapy listens at", url_of(listener), data)
            if signals.say:
                announce_summary(settings)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            signals.take(sig)
            super().handle_exit(sig, frame)

    if descriptor is None:
        listener = listen(settings.host, settings.port)
    else:
        listener = socket.socket(fileno=descriptor)
    app = make_app(settings, with_worker=with_worker, opening=opening)
    server = Announcing(app, settings)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # before it serves; and uvicorn raises the signals that it caught again at its end: they must not kill us
    for each in STOPPING:
        signal.signal(each, stop)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        if faults:
            raise faults[0] from None
        raise


async def _note_demo_practice(opened: "Therapy") -> None:
    """Log that the demo practice is there; a warning if others can reach this server."""
    from therapy.entrypoints.cli.demo_practice import has_demo_practice

    if await has_demo_practice(opened.installation.records):
        loopback = is_loopback(opened.settings.host)
        log.log(logging.INFO if loopback else logging.WARNING, DEMO_PRACTICE)


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


async def _work(settings: Settings, signals: StopSignals) -> None:
    from therapy.entrypoints.worker import working
    from therapy.wiring import open_therapy

    stop, data = asyncio.Event(), data_at(settings)

    def take(number: int) -> None:
        signals.take(number)
        stop.set()

    for each in STOPPING:
        asyncio.get_running_loop().add_signal_handler(each, take, each)
    async with open_therapy(settings) as opened, working(opened):
        announce("therapy works on", "sessions", data)
        if signals.say:
            announce_summary(settings, listens=False)
        await stop.wait()
