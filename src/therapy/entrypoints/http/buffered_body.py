"""Buffered bodies: a handler that streams one may be given fewer pieces of it, each of half a MiB.

Each piece that the application receives is some 30 steps of Python, and a connection brings 64 to 256 KiB at
a time. What comes slowly is passed on after `LONGEST_SECONDS`, so that nothing waits for more.
"""

import asyncio

from litestar.types import Scope as LitestarScope
from uvicorn._types import Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from therapy.workflows.byte_queue import ByteQueue

PIECE_BYTES = 1 << 19
MOST_BYTES = 1 << 20
"""Of a connection that brings more than the application takes no more is read once so much is buffered."""

LONGEST_SECONDS = 0.005

_BUFFERED = "therapy_buffered_body"
_WAKING = "therapy_buffered_body_waking"
"""Names in a request's state: whether its body is buffered, and whether a timer runs to pass it on."""


def buffer_body(scope: LitestarScope) -> None:
    """Buffer the rest of this request's body; what is buffered is lost with its connection."""
    scope["state"][_BUFFERED] = True


def is_buffered(scope: Scope) -> bool:
    """Return whether this request's body is buffered."""
    return _BUFFERED in scope["state"]


def add_piece(cycle: RequestResponseCycle, piece: bytes, flow: FlowControl) -> None:
    """Buffer a piece of a body; tell the application once there is enough for it, or a moment later."""
    buffered: object = cycle.body
    if not isinstance(buffered, ByteQueue):
        buffered = ByteQueue(bytes(cycle.body))
        cycle.body = buffered  # type: ignore[assignment] # uvicorn makes bytes of it
    buffered.append(piece)
    if len(buffered) > MOST_BYTES:
        flow.pause_reading()
    if len(buffered) >= PIECE_BYTES:
        cycle.message_event.set()
    elif not cycle.scope["state"].get(_WAKING):
        cycle.scope["state"][_WAKING] = True
        asyncio.get_running_loop().call_later(LONGEST_SECONDS, _pass_on, cycle)


def _pass_on(cycle: RequestResponseCycle) -> None:
    cycle.scope["state"][_WAKING] = False
    if cycle.body:
        cycle.message_event.set()
