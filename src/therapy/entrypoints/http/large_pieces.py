"""Large pieces of a body: a handler that streams one may be given fewer of them, each of half a MiB.

Each piece that the application receives is some 30 steps of Python, and a connection brings 64 to 256 KiB at
a time. What comes slowly is passed on after `LONGEST_SECONDS`, so that nothing waits for more.
"""

import asyncio

from litestar.types import Scope as LitestarScope
from uvicorn._types import Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from therapy.workflows.held_bytes import HeldBytes

PIECE_BYTES = 1 << 19
MOST_BYTES = 1 << 20
"""Of a connection that brings more than the application takes no more is read once so much of it is held."""

LONGEST_SECONDS = 0.005

_WANTED = "therapy_large_pieces"
_WAKING = "therapy_large_pieces_waking"
"""Names in a request's state: whether large pieces are wanted, and whether a timer runs for what is held."""


def want_large_pieces(scope: LitestarScope) -> None:
    """Let the rest of this request's body come in large pieces; what is held is lost with its connection."""
    scope["state"][_WANTED] = True


def wants_large_pieces(scope: Scope) -> bool:
    """Return whether this request's body comes in large pieces."""
    return _WANTED in scope["state"]


def hold(cycle: RequestResponseCycle, piece: bytes, flow: FlowControl) -> None:
    """Take a piece of a body; tell the application once there is enough for it, or a moment later."""
    held: object = cycle.body
    if not isinstance(held, HeldBytes):
        held = HeldBytes(bytes(cycle.body))
        cycle.body = held  # type: ignore[assignment] # uvicorn makes bytes of it
    held.append(piece)
    if len(held) > MOST_BYTES:
        flow.pause_reading()
    if len(held) >= PIECE_BYTES:
        cycle.message_event.set()
    elif not cycle.scope["state"].get(_WAKING):
        cycle.scope["state"][_WAKING] = True
        asyncio.get_running_loop().call_later(LONGEST_SECONDS, _pass_on, cycle)


def _pass_on(cycle: RequestResponseCycle) -> None:
    cycle.scope["state"][_WAKING] = False
    if cycle.body:
        cycle.message_event.set()
