"""Session events between the processes of one machine: datagrams to Unix sockets in the data directory.

Each listener binds a socket of its own in one folder; who publishes sends a datagram to each socket there. So
nothing is written anywhere, and where nobody listens a publication is one look into an empty folder
(`docs/adr/032-session-events.md`).
"""

import asyncio
import logging
import os
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

from therapy.ports.session_events import OnPublished, SessionEvents

FOLDER = "listening"
LONGEST_PATH = 100
"""Bytes that the path of a Unix socket may have; macOS takes 103, Linux 107."""

NAME_LENGTH = 12
SEND_SECONDS = 0.05
"""How long one listener may keep a publication waiting because it has not read those before."""

MOST_BYTES = 1_000
SEPARATOR = "|"

log = logging.getLogger(__name__)


class SocketSessionEvents(SessionEvents):
    """Publishes to all processes that listen with the same data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = listening_folder(data_dir)

    async def publish(self, practice_id: str, session_id: str) -> None:
        await asyncio.to_thread(self._send, f"{practice_id}{SEPARATOR}{session_id}".encode())

    def _send(self, datagram: bytes) -> None:
        with suppress(OSError):  # no folder: nobody has ever listened
            names = os.listdir(self._folder)  # noqa: PTH208 - a tenth of the time of Path.iterdir
            if names:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                    sender.settimeout(SEND_SECONDS)
                    for name in names:
                        _send_to(self._folder / name, sender, datagram)

    @asynccontextmanager
    async def listen(self, on_published: OnPublished) -> AsyncIterator[None]:
        receiver = await asyncio.to_thread(self._bound)
        loop = asyncio.get_running_loop()
        loop.add_reader(receiver, _read, receiver, on_published)
        try:
            yield
        finally:
            loop.remove_reader(receiver)
            _close(receiver)

    def _bound(self) -> socket.socket:
        """Return a socket of our own in the folder, which only this user may enter."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        receiver.bind(str(self._folder / uuid.uuid4().hex[:NAME_LENGTH]))
        return receiver


def listening_folder(data_dir: Path) -> Path:
    """Return where the sockets are: in the data directory, unless its path is too long for them."""
    folder = data_dir.resolve() / FOLDER
    if len(os.fsencode(folder)) + 1 + NAME_LENGTH <= LONGEST_PATH:
        return folder
    named = sha256(os.fsencode(folder)).hexdigest()[:NAME_LENGTH]
    return Path(tempfile.gettempdir()) / f"therapy-{os.getuid()}-{named}"


def _close(receiver: socket.socket) -> None:
    Path(receiver.getsockname()).unlink(missing_ok=True)
    receiver.close()


def _send_to(path: Path, sender: socket.socket, datagram: bytes) -> None:
    """Send to one listener; remove the socket of one that died."""
    try:
        sender.sendto(datagram, str(path))
    except ConnectionRefusedError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    except OSError:
        return  # it has just ended, or does not read: it looks into the store by itself


def _read(receiver: socket.socket, on_published: OnPublished) -> None:
    """Pass on all that has arrived."""
    while True:
        try:
            datagram = receiver.recv(MOST_BYTES)
        except OSError:  # BlockingIOError: that was all
            return
        try:
            practice_id, separator, session_id = datagram.decode().partition(SEPARATOR)
            if separator:
                on_published(practice_id, session_id)
        except Exception as exc:  # noqa: BLE001 - whatever it was, the next one must be handled
            log.error("a session event was not handled", extra={"error": type(exc).__name__})  # noqa: TRY400 - a traceback may quote a text
