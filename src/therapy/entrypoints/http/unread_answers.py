"""Answers that their client does not read: the connection is ended, also what the kernel holds of them."""

import asyncio
import socket
import struct

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""The value of SO_LINGER: on, for 0 seconds."""


class UnreadAnswer:
    """Ends a connection if what is still to be sent becomes no less for so many seconds.

    It is watched while nothing more is written: while writing is paused, and while the connection closes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop, self._seconds = loop, seconds
        self._left = 0
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, transport: asyncio.Transport) -> None:
        """Begin to watch a connection, unless it is watched already or everything is sent."""
        if self._timer is None and (left := transport.get_write_buffer_size()):
            self._left = left
            self._timer = self._loop.call_later(self._seconds, self._look, transport)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, transport: asyncio.Transport) -> None:
        self._timer = None
        if transport.get_write_buffer_size() >= self._left:
            _reset(transport)
        else:
            self.watch(transport)


def reset_when_unread(connection: socket.socket, seconds: float) -> None:
    """Have the kernel end a connection of which it has held something for so long that nobody took (Linux).

    Of what is written little by little and fits into the kernel's memory, such as events, nothing is left
    here for `UnreadAnswer` to watch: it notices neither a client that does not read nor one that vanished.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def _reset(transport: asyncio.Transport) -> None:
    """Abort a connection; the kernel would go on to offer the up to 4 MB that it holds of an answer."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    transport.abort()
