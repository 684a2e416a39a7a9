"""`therapy all`: API and worker as children of one process, for a container that runs both."""

import os
import socket
import sys
from datetime import timedelta

import rich_click as click
from msgspec.structs import replace

from therapy.config import Settings
from therapy.entrypoints.cli.listening import announce_summary, listen, listening_at
from therapy.entrypoints.cli.own_server import command
from therapy.entrypoints.cli.supervisor import Child, Supervisor, names_of_parts

SHORTEST_DRAIN = 0.1
"""Seconds; the least that the setting accepts."""


@click.command("all")
@click.option("--host", help="The address to listen on, instead of THERAPY_HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port, instead of PORT.")
def everything(*, host: str | None, port: int | None) -> None:
    """Run the API and a worker as processes of one container, and keep them running.

    GUNICORN_WORKERS is the number of API processes that share the port, 0 as many as cores;
    THERAPY_WORKER_PROCESSES that of workers. A process that dies is restarted after a pause that grows from
    one second to a minute. SIGTERM stops all: open requests are answered and unfinished work is put back
    within GUNICORN_TIMEOUT seconds. A second Ctrl-C ends it at once.

    \b
    [bold]Example[/]
      [cyan]therapy all[/]
    [bold]You see[/] what is served by what, then what `therapy serve` and `therapy worker` print. The exit
    code is 0 if all stop in time.
    """
    from therapy.entrypoints.logs import configure_logs
    from therapy.entrypoints.process_memory import use_one_heap

    use_one_heap()
    settings = listening_at(host, port)
    configure_logs(settings.log_level)
    drain = settings.drain.total_seconds()
    childrens_drain = max(drain * 0.8, drain - 2, SHORTEST_DRAIN)
    with listen(settings.host, settings.port) as listener:
        announce_summary(settings)
        if sys.platform == "linux":  # elsewhere libraries of the system do not survive a fork
            from therapy.entrypoints.cli.forked_servers import forked_parts

            parts = forked_parts(
                replace(settings, drain=timedelta(seconds=childrens_drain)), listener
            )
        else:
            parts = _started_parts(settings, listener, childrens_drain)
        status = Supervisor(parts, drain=drain, listener=listener).run()
    sys.exit(status)


def _started_parts(settings: Settings, listener: socket.socket, drain: float) -> "list[Child]":
    """Return the workers and API processes that the settings ask for, each to be started as a command."""
    variables = os.environ | {"GUNICORN_TIMEOUT": f"{drain:g}"}
    serve = ("serve", "--no-worker", "--end-with-stdin", "--socket", str(listener.fileno()))
    workers, servers = names_of_parts(settings)
    return [
        *(Child(each, command("worker", "--end-with-stdin"), variables) for each in workers),
        *(Child(each, command(*serve), variables, listener) for each in servers),
    ]
