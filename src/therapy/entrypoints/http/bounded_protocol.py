"""One connection: uvicorn's protocol with bounds on what a client may send, withhold or leave unread.

uvicorn bounds neither heads nor times. Bodies of requests that the application reads are timed by
`answered_app`, which can answer within the request.
"""

import asyncio
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from uvicorn import Config
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from therapy.entrypoints.http.buffered_body import add_piece, is_buffered
from therapy.entrypoints.http.connection_limits import OpenConnections
from therapy.entrypoints.http.refusals import (
    CROWDED,
    LARGE_HEAD,
    LATE,
    MALFORMED,
    UPGRADE,
    Refusal,
    raw_answer,
)
from therapy.entrypoints.http.unread_answers import UnreadAnswer, reset_when_unread

LINGER_SECONDS = 2.0
"""How long a refused client may read its answer; what it sends meanwhile is dropped."""

MOST_DROPPED = 1024 * 1024
"""Bytes of a refused client that are dropped; after that nothing is read from it."""

STOP_SECONDS = 1.0
"""How long an idle connection stays open at a stop, so that a request on its way is answered."""

MOST_PIPELINED = 16
"""Requests that may wait for the answers to those before; more are not read, which HTTP allows."""

BODY_FIELDS = frozenset({b"content-length", b"transfer-encoding"})
"""The headers of which one is there if a request has a body."""

SEPARATORS = 4
"""Bytes of a header line besides its name and value."""


class _Place(Enum):
    """What of a request the parser has seen last."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


NOTHING, HEAD, BODY = _Place  # looked up many times for each request, and slowly in an Enum


class _RefusedError(Exception):
    """Raised inside of the parser, so that it stops."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses what is too large or too slow before there is a request that the application could see."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: OpenConnections,
        language: str,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._open, self._limits, self._language = connections, connections.limits, language
        self._running: RequestResponseCycle | None = None
        self._release: Callable[[], None] = lambda: None
        self._place = NOTHING
        self._moved = False
        self._unparsed = self._arriving = 0
        self._fault = MALFORMED
        self._ignoring = False
        self._dropped = self._drained = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._unread = UnreadAnswer(self.loop, self._limits.unread_seconds)

    # --- the connection --------------------------------------------------------------------------

    def connection_made(  # type: ignore[override] # uvicorn narrows asyncio's type
        self, transport: asyncio.Transport
    ) -> None:
        """Let the connection in, or refuse it; what is written is sent at once.

        Else a body would wait 40 ms for the client to acknowledge its head: uvloop sends at once by itself,
        asyncio only for sockets of its own making.
        """
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reset_when_unread(connection, self._limits.unread_seconds)
        host = self.client[0] if self.client else ""
        if self._open.admit(host):
            self._release = lambda: self._open.release(host)
            self._await_request()
        elif self._open.admit_refused():
            self._release = self._open.release_refused
            self._answer_and_close(CROWDED)
        else:
            self._ignoring = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection no more; uvicorn tells only the last of its requests that nobody is there."""
        super().connection_lost(exc)
        self._tell_disconnected(self._running)
        self._release()
        self._unset_keepalive_if_required()
        self._unread.stop()
        for timer in (self._head_timer, self._drain_timer):
            if timer is not None:
                timer.cancel()

    def shutdown(self) -> None:
        """Finish what is under way; an idle connection stays for a moment, for a request on its way."""
        if self._busy:
            super().shutdown()
        else:
            self.loop.call_later(STOP_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._busy:
            self._close()

    @property
    def _busy(self) -> bool:
        """Whether an answer is still owed to the last request whose head is complete."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's own type leaves None out
        return cycle is not None and not cycle.response_complete

    # --- what arrives ----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; refuse the connection if the parser holds more of it than allowed.

        `_unparsed` are the bytes since the last head, piece of a body or message was complete: of a head, of
        the line before a chunk, of trailers, of blank lines before a request.
        """
        if self._ignoring:
            self._drop(len(data))
            return
        self._moved, self._arriving = False, len(data)
        super().data_received(data)
        self._unparsed = 0 if self._moved else self._unparsed + len(data)
        if self._unparsed > self._limits.head_bytes:
            self._refuse(LARGE_HEAD)
        if self._unparsed or self._place is HEAD:
            self._time_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse what can't be parsed; uvicorn's own `msg` is not used."""
        del msg
        self._refuse(self._fault)

    def on_message_begin(self) -> None:
        """Begin a head; requests beyond the bound of waiting ones are not read."""
        if len(self.pipeline) >= MOST_PIPELINED:
            raise _RefusedError
        super().on_message_begin()
        self._place = HEAD

    def on_headers_complete(self) -> None:
        """Begin a body; trailers get a list of their own, so that none becomes a header."""
        self._check_fields()
        offers_upgrade = self.parser.should_upgrade()
        if offers_upgrade:
            self._check_upgrade()
        super().on_headers_complete()
        self._place, self._moved = BODY, True
        if offers_upgrade:
            self._close_after(self.cycle)
        self.headers = []
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; it is dropped if its request is answered already."""
        self._moved = True
        self._drained += len(body)
        cycle = self.cycle
        if is_buffered(cycle.scope) and not cycle.response_complete:
            add_piece(cycle, body, self.flow)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request; nothing of the next one has come."""
        self._check_fields()
        super().on_message_complete()
        self._place, self._moved = NOTHING, True
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
            self._await_request()

    def _check_fields(self) -> None:
        """Raise if headers or trailers are too many, or all of them too large."""
        fields, most = self.headers, self._limits.head_bytes
        if len(fields) > self._limits.headers or (
            self._unparsed + self._arriving > most  # else it can't be
            and sum(len(name) + len(value) + SEPARATORS for name, value in fields) + len(self.url)
            > most
        ):
            self._fault = LARGE_HEAD
            raise _RefusedError

    def _check_upgrade(self) -> None:
        """Raise if what offers another protocol has a body: the parser would take that for a request."""
        if any(name in BODY_FIELDS and value != b"0" for name, value in self.headers):
            self._fault = UPGRADE
            raise _RefusedError

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: we change to no other protocol, and HTTP lets us pass over the offer."""

    # --- what does not arrive --------------------------------------------------------------------

    def _await_request(self) -> None:
        """Close the connection unless something arrives."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self._limits.idle_seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection; an answer that was not read yet stays for a while."""
        self._close()

    def _time_head(self) -> None:
        """Give an incomplete head its time, from the first byte, unless we are the ones who are slow."""
        if (
            self._place is not BODY
            and self._head_timer is None
            and not self._busy
            and not self._ignoring
        ):
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._end_head)

    def _end_head(self) -> None:
        if self._place is HEAD:
            self._refuse(LATE)
        elif not self._busy:
            self.transport.close()  # blank lines only

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to answer a request; those behind it wait."""
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Begin the time for what comes next: the rest of the body, the next request, or nothing."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._unread.watch(self.transport)
        elif self._place is NOTHING or self._busy:
            pass  # nothing of what comes next is here, or the next answer is begun
        elif self._place is BODY:
            self._unset_keepalive_if_required()
            self._time_drain()
        else:
            self._time_head()

    def _time_drain(self) -> None:
        """Drop the rest of a body that nobody wants any more, as long as enough of it comes."""
        self._drained = 0
        self._drain_timer = self.loop.call_later(self._limits.body_seconds, self._look_at_drain)

    def _look_at_drain(self) -> None:
        if self._drained >= self._limits.body_bytes:
            self._time_drain()
        else:
            self._close()

    # --- what is not read ------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._unread.watch(self.transport)

    def resume_writing(self) -> None:
        """Go on writing: the client has read."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._unread.stop()

    def _close(self) -> None:
        """Close the connection once everything is sent and, unless the client stops reading, read."""
        self.transport.close()
        self._unread.watch(self.transport)

    # --- refusing --------------------------------------------------------------------------------

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close. If answers to earlier requests are owed, only close, after them."""
        if self._ignoring:
            return
        if self._place is BODY and self.pipeline:
            self.pipeline.popleft()  # the one that is refused; it was not begun
            self._close_after(self.pipeline[0][0] if self.pipeline else self._running)
        elif self._busy and self._place is not BODY:
            self._close_after(self.cycle)
        elif self._place is BODY and self.cycle.response_started:
            self._ignoring = True
            self._tell_disconnected(self.cycle)
            self.transport.close()
        else:
            self._tell_disconnected(self.cycle)
            self._answer_and_close(refusal)

    def _close_after(self, last: RequestResponseCycle | None) -> None:
        """Answer what was asked before, and read nothing more."""
        self._ignoring = True
        if last is not None:
            self.cycle = last
            last.keep_alive = False

    @staticmethod
    def _tell_disconnected(cycle: RequestResponseCycle | None) -> None:
        """Tell the application that no more of the body comes, and that its answer is not sent."""
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()

    def _answer_and_close(self, refusal: Refusal) -> None:
        """Write the answer, and close only a little later: closing with bytes unread would revoke it."""
        self._ignoring = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.transport.write(raw_answer(refusal, self._language))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self._end)

    def _drop(self, count: int) -> None:
        self._dropped += count
        if self._dropped > MOST_DROPPED:
            self.flow.pause_reading()

    def _end(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
