"""`therapy serve` and `therapy worker`: the commands that run until they are stopped."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import TYPE_CHECKING

import rich_click as click

from therapy.config import Settings, is_loopback
from therapy.entrypoints.cli.environment import data_at, settings_of_this_machine
from therapy.entrypoints.cli.interruption import STOPPING, StopSignals
from therapy.entrypoints.cli.listening import (
    announce,
    announce_summary,
    listen,
    listening_at,
    url_of,
)
from therapy.entrypoints.cli.start_summary import DEMO_PRACTICE

if TYPE_CHECKING:
    from therapy.entrypoints.http.server import HttpServer
    from therapy.wiring import Therapy

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

    GUNICORN_WORKERS is the number of processes that do this side by side and share the port, 0 as many as
    cores; one that dies is replaced.

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
    if descriptor is None and settings.processes > 1:
        sys.exit(_serve_in_processes(settings, with_worker=not no_worker))
    if until_eof:
        end_with_stdin()
    signals = StopSignals(say=not until_eof)
    with signals.until_stopped():
        if descriptor is None:
            listener = listen(settings.host, settings.port)
        else:
            listener = socket.socket(fileno=descriptor)
        ready_server(settings, listener, with_worker=not no_worker)(signals)


def _serve_in_processes(settings: Settings, *, with_worker: bool) -> int:
    """Serve in several processes until stopped; return the exit code."""
    from therapy.entrypoints.cli.forked_servers import run_servers

    with listen(settings.host, settings.port) as listener:
        return run_servers(settings, listener, with_worker=with_worker)


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
        run_worker(settings, signals)


def end_with_stdin() -> None:
    """Stop as on SIGTERM once standard input ends, i.e. when the process that started us has ended."""

    def wait() -> None:
        # Not through sys.stdin, whose lock could block our exit.
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-stdin", daemon=True).start()


def ready_server(
    settings: Settings, listener: socket.socket, *, with_worker: bool
) -> Callable[[StopSignals], None]:
    """Return what serves on a listening socket until SIGTERM or SIGINT; the application is made now.

    One of several processes, whose `signals` say nothing, prints no more than its address and data. What is
    returned raises OSError or TherapyError if something that it depends on can't be opened.
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
                opened = await stack.enter_async_context(open_therapy(settings, works=with_worker))
            except Exception as exc:
                faults.append(exc)  # raised below, instead of uvicorn's two lines
                logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
                raise
            await _note_demo_practice(opened)
            yield opened

    data = data_at(settings)
    app = make_app(settings, with_worker=with_worker, opening=opening)

    def serve_until_stopped(signals: StopSignals) -> None:
        class Announcing(HttpServer):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                gc.freeze()  # what a start leaves lives to the end: no collection looks at it again
                announce("therapy listens at", url_of(listener), data)
                if signals.say:
                    announce_summary(settings)

            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
                signals.take(sig)
                super().handle_exit(sig, frame)

        _run(Announcing(app, settings), listener, faults)

    return serve_until_stopped


def _run(server: "HttpServer", listener: socket.socket, faults: list[Exception]) -> None:
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


def run_worker(settings: Settings, signals: StopSignals) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        OSError, TherapyError: something that it depends on can't be opened.
    """
    asyncio.run(_work(settings, signals))


async def _work(settings: Settings, signals: StopSignals) -> None:
    from therapy.entrypoints.process_memory import giving_back_memory
    from therapy.entrypoints.worker import working
    from therapy.wiring import open_therapy

    stop, data = asyncio.Event(), data_at(settings)

    def take(number: int) -> None:
        signals.take(number)
        stop.set()

    for each in STOPPING:
        asyncio.get_running_loop().add_signal_handler(each, take, each)
    async with giving_back_memory(), open_therapy(settings) as opened, working(opened):
        announce("therapy works on", "sessions", data)
        if signals.say:
            announce_summary(settings, listens=False)
        await stop.wait()
