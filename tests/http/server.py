"""A real server on a free port of this machine, in a thread, and a client that is only a socket."""

import asyncio
import contextlib
import json
import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from tests.http.clinic import BOUNDARY, NOTHING, OLIVIA, left_behind, opening, settings_in
from therapy.config import Settings
from therapy.domain.access import Actor
from therapy.domain.people import Person
from therapy.entrypoints.http.app import Opening, make_app
from therapy.entrypoints.http.server import HttpServer
from therapy.wiring import Therapy

PATIENCE = 25.0
LIVE = b"GET /health/live HTTP/1.1\r\nHost: h\r\n"
"""A request without the line that ends its head."""
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass
class Server:
    """Where it listens, and the application behind it."""

    port: int
    directory: Path
    therapy: Therapy
    loop: asyncio.AbstractEventLoop
    http: HttpServer

    def run(self, work: Any) -> Any:
        """Do something in the server's own loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def token(self, person: Person = OLIVIA) -> str:
        here = self.therapy.installation
        actor = Actor(person.id, person.role, person.practice_id, "login-1")
        return here.sign_in.tokens.issue(actor, now=here.records.now())[0]

    def connect(self) -> "Connection":
        return Connection(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE))

    def left(self) -> dict[str, list[str]]:
        return left_behind(self.directory)

    def wait_for_nothing(self) -> None:
        """Wait until nothing is staged or kept, and no table knows of anything."""
        end = time.monotonic() + PATIENCE
        while (left := self.left()) != NOTHING and time.monotonic() < end:
            time.sleep(0.02)
        assert left == NOTHING


@dataclass
class MadeApp:
    """An application that is served again and again, its state as it was made, and what opens it."""

    app: Litestar
    opening: Opening
    state: dict[str, Any]


_FREE: dict[object, list[MadeApp]] = defaultdict(list)
_ONLY_THE_SERVERS = {"THERAPY_TRUSTED_PROXIES"}


@contextmanager
def made_app(
    settings: Settings,
    environment: dict[str, str],
    handlers: tuple[HTTPRouteHandler, ...],
    opens: Opening,
    **options: bool,
) -> Iterator[Litestar]:
    """An application of these settings: the one of a test before, if that was made with the same.

    To make one takes longer than to serve it. Those that are served at once are different ones.
    """
    told = {name: environment[name] for name in environment.keys() - _ONLY_THE_SERVERS}
    alike = tuple(sorted((told | options).items())), handlers
    made = _FREE[alike].pop() if _FREE[alike] else _make(settings, handlers, **options)
    made.opening = lambda _: opens(settings)
    try:
        yield made.app
    finally:
        for name in made.app.state.dict().keys() - made.state:
            delattr(made.app.state, name)
        _FREE[alike].append(made)


def _make(settings: Settings, handlers: tuple[HTTPRouteHandler, ...], **options: bool) -> MadeApp:
    def opens(here: Settings) -> AbstractAsyncContextManager[Therapy]:
        return made.opening(here)

    app = make_app(settings, opening=opens, **options)
    for handler in handlers:
        app.register(handler)
    made = MadeApp(app, opening(), app.state.dict())
    return made


@contextmanager
def serving(
    directory: Path,
    *,
    with_worker: bool = False,
    environment: dict[str, str] | None = None,
    handlers: Sequence[HTTPRouteHandler] = (),
    **ports: object,
) -> Iterator[Server]:
    """Serve as `therapy serve` does, and `handlers` of a test beside, until the body is over."""
    told = {"GUNICORN_TIMEOUT": "2"} | (environment or {})
    settings, opens = settings_in(directory, **told), opening(**ports)
    with made_app(settings, told, tuple(handlers), opens, with_worker=with_worker) as app:
        yield from _served(app, settings, directory)


def _served(app: Litestar, settings: Settings, directory: Path) -> Iterator[Server]:
    server, loops = HttpServer(app, settings), []
    listener = socket.create_server(("127.0.0.1", 0))

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve([listener])

    def run() -> None:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while not server.started and thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        assert server.started
        port = listener.getsockname()[1]
        yield Server(port, directory, app.state.therapy, loops[0], server)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


@dataclass
class Answer:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Connection:
    """A connection on which every byte is sent by hand."""

    sock: socket.socket
    got: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def head(
        self,
        token: str = "",
        path: str = "/sessions/upload",
        method: str = "POST",
        *,
        length: int | None = None,
        more: str = "",
    ) -> None:
        """Send the head of an upload: chunked, as the app does, unless a length is given."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        ]
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += [more] if more else []
        lines += ["Transfer-Encoding: chunked"] if length is None else [f"Content-Length: {length}"]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode())

    def chunk(self, content: bytes) -> None:
        self.sock.sendall(b"%x\r\n%s\r\n" % (len(content), content))

    def chunks(self, content: bytes, size: int = 8 * 1024) -> None:
        for start in range(0, len(content), size):
            self.chunk(content[start : start + size])

    def end(self) -> None:
        self.sock.sendall(b"0\r\n\r\n")

    def answer(self, patience: float = PATIENCE) -> Answer:
        """Read one answer with a Content-Length."""
        self.sock.settimeout(patience)
        while b"\r\n\r\n" not in self.got:
            self._read()
        head, _, rest = bytes(self.got).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", "0"))
        while len(self.got) < len(head) + 4 + length:
            self._read()
        rest = bytes(self.got[len(head) + 4 :][:length])
        del self.got[: len(head) + 4 + length]
        return Answer(int(first.split()[1]), headers, rest)

    def closed(self, patience: float = PATIENCE) -> bytes:
        """Return what else the server sends until it closes the connection."""
        self.sock.settimeout(patience)
        with contextlib.suppress(ConnectionError):
            while more := self.sock.recv(65_536):
                self.got += more
        rest = bytes(self.got)
        self.got.clear()
        return rest

    def trickle(self, content: bytes, pause: float = 0.05) -> None:
        """Send a byte at a time until the server answers or closes, at most all of `content`."""
        for byte in content:
            with contextlib.suppress(ConnectionError):
                self.sock.sendall(bytes([byte]))
            if select.select([self.sock], [], [], pause)[0]:
                return

    def _read(self) -> None:
        more = self.sock.recv(65_536)
        assert more, f"the server closed; it had sent {bytes(self.got)!r}"
        self.got += more


def audio_part(content: bytes) -> bytes:
    """The beginning of an upload's body: the audio part, not ended."""
    named = 'form-data; name="audio_file"; filename="session_audio_1.wav"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {named}\r\nContent-Type: audio/wav\r\n\r\n"
    return head.encode() + content


def check_refused(connection: Connection, status: int, code: str) -> None:
    """The answer is problem details with all that any answer has, and the connection is closed."""
    answer = connection.answer()
    told = answer.json()
    assert (answer.status, told["code"], told["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-request-id"] == told["request_id"]
    assert told["type"] == f"urn:therapy:problem:{code}"
    assert told["error"] != told["detail"]
    assert ("retry-after" in answer.headers) == (status == 503)
    assert connection.closed() == b""


def wait_for_no_connection(server: Server) -> None:
    end = time.monotonic() + PATIENCE
    while server.http.server_state.connections and time.monotonic() < end:
        time.sleep(0.01)
    assert not server.http.server_state.connections
