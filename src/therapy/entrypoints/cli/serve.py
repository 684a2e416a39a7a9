"""`therapy serve` and `therapy worker`: the commands that run until they are stopped."""

import socket
import sys

import rich_click as click

from therapy.config import Settings
from therapy.entrypoints.cli.environment import settings_of_this_machine
from therapy.entrypoints.cli.interruption import StopSignals
from therapy.entrypoints.cli.listening import listen, listening_at
from therapy.entrypoints.cli.server_process import (
    end_with_stdin,
    ready_server,
    run_worker,
    uncollected,
)

_stdin_option = click.option("--end-with-stdin", "until_eof", is_flag=True, hidden=True)
"""For `therapy all`: see `server_process.end_with_stdin`."""


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
        with uncollected():
            serve_until_stopped = ready_server(settings, listener, with_worker=not no_worker)
        serve_until_stopped(signals)


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
