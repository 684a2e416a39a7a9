"""What Linux says of this process's connections (TCP_INFO, linux/tcp.h): probes that were answered."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path
from typing import NamedTuple

SIZE = 232
LAST_DATA_SENT, LAST_ACK_RECEIVED = 44, 56
SEGMENTS = 136
"""Offset of segments out and in, bytes not sent, the shortest round trip, data segments in and out."""


class Silence(NamedTuple):
    """A connection: segments received, in all and with data; ms since we sent data, and since an ACK."""

    segments_in: int
    data_in: int
    since_data_ms: int
    since_ack_ms: int


def connection_to(port: int) -> socket.socket | None:
    """Return a duplicate of this process's connection to a port of this machine; None if there is none."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if not os.readlink(entry).startswith("socket:"):  # noqa: PTH115 - not a path
                continue
            found = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue
        try:
            if found.getpeername()[:2] == ("127.0.0.1", port):
                return found
        except OSError:
            pass
        found.close()
    return None


def silence_of(connection: socket.socket) -> Silence:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SIZE)
    _, segments_in, _, _, data_in, _ = struct.unpack_from("=6I", info, SEGMENTS)
    (since_data,) = struct.unpack_from("=I", info, LAST_DATA_SENT)
    (since_ack,) = struct.unpack_from("=I", info, LAST_ACK_RECEIVED)
    return Silence(segments_in, data_in, since_data, since_ack)


async def watched(port: int, until: asyncio.Task[object]) -> list[Silence]:
    """Return what the connection to a port was like ten times a second, from its first until a task ends."""
    seen: list[Silence] = []
    while not until.done():
        if (connection := connection_to(port)) is not None:
            with connection:
                seen.append(silence_of(connection))
        await asyncio.sleep(0.1)
    return seen


def answered_probes(seen: list[Silence]) -> int:
    """Return how many segments without data came in: while nothing is sent, answers to probes."""
    if not seen:
        return 0
    silent = [
        each for each in seen if each.data_in == seen[0].data_in and each.since_data_ms >= 900
    ]
    return silent[-1].segments_in - silent[0].segments_in if silent else 0
