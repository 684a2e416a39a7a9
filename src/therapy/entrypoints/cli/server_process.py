"""What a process that serves or works does until it is stopped, whoever started it."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from therapy.config import Settings, is_loopback
from therapy.entrypoints.cli.environment import data_at
from therapy.entrypoints.cli.interruption import STOPPING, StopSignals
from therapy.entrypoints.cli.listening import announce, announce_summary, url_of
from therapy.entrypoints.cli.start_summary import DEMO_PRACTICE

if TYPE_CHECKING:
    from therapy.entrypoints.http.server import HttpServer
    from therapy.wiring import Therapy
    from therapy.workflows.decoding_turns import DecodingTurns

log = logging.getLogger(__name__)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Have no garbage collected while a part of the start runs, and what it leaves never looked through.

    That lives to the end: to look through all of it again and again takes a tenth of a start. Not for what
    is forked afterwards: garbage that is left between what is shared costs each child a megabyte.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def end_with_stdin() -> None:
    """Stop as on SIGTERM once standard input ends, i.e. when the process that started us has ended."""

    def wait() -> None:
        # Not through sys.stdin, whose lock could block our exit.
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-stdin", daemon=True).start()


def ready_server(
    settings: Settings,
    listener: socket.socket,
    *,
    with_worker: bool,
    turns: "DecodingTurns | None" = None,
) -> Callable[[StopSignals], None]:
    """Return what serves on a listening socket until SIGTERM or SIGINT; the application is made now.

    One of several processes, whose `signals` say nothing, prints no more than its address and data. What is
    returned raises OSError or TherapyError if something that it depends on can't be opened. `turns` are those
    that processes share.
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
                opened = await stack.enter_async_context(
                    open_therapy(settings, works=with_worker, turns=turns)
                )
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


def run_worker(
    settings: Settings, signals: StopSignals, *, turns: "DecodingTurns | None" = None
) -> None:
    """Work until SIGTERM or SIGINT; `turns` are those that processes share.

    Raises:
        OSError, TherapyError: something that it depends on can't be opened.
    """
    asyncio.run(_work(settings, signals, turns))


async def _work(settings: Settings, signals: StopSignals, turns: "DecodingTurns | None") -> None:
    from therapy.entrypoints.process_memory import giving_back_memory
    from therapy.entrypoints.worker import working
    from therapy.wiring import open_therapy

    stop, data = asyncio.Event(), data_at(settings)

    def take(number: int) -> None:
        signals.take(number)
        stop.set()

    for each in STOPPING:
        asyncio.get_running_loop().add_signal_handler(each, take, each)
    opening = open_therapy(settings, turns=turns)
    async with giving_back_memory(), opening as opened, working(opened):
        announce("therapy works on", "sessions", data)
        if signals.say:
            announce_summary(settings, listens=False)
        await stop.wait()
