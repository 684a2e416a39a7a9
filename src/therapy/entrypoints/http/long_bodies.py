"""Long request bodies: how many of them a process has in its memory at once, and how many of one person.

A body that is read whole stays in memory from its first byte on, however slowly the rest of it comes, and no
longer than until its request is answered.
"""

import asyncio
from contextlib import AbstractContextManager
from typing import Any

from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Empty, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from therapy.domain.concurrency_limit import ConcurrencyLimit
from therapy.entrypoints.http.request_bodies import SMALL_BODY

RETRY_AFTER = 5
"""Seconds in which a body on an ordinary line has arrived."""

VERY_LONG = 1024 * 1024
"""From so many bytes on what is made of a body takes so much memory that few are worked on at once."""

WORKED_ON_AT_ONCE = 2
"""Very long bodies that are decoded, and what is made of them stored, at once: some 70 MB each."""

PLACE = "therapy_long_body_place"
"""The name in a request's state of its place among those that are worked on."""


class LongBodies:
    """Counts the requests under way whose body may be long; `decoding` lets one be decoded at a time.

    `comparing` does the same for answers that are made of two transcripts, with 200 MB for 20,000 lines.

    Of those from VERY_LONG on WORKED_ON_AT_ONCE are worked on, from when they have arrived until they are
    answered; others wait. Decoding holds the interpreter's lock, so that several threads at it would keep the
    event loop waiting.
    """

    def __init__(self, *, most_of_one: int, most_in_all: int) -> None:
        self.decoding, self.comparing = asyncio.Lock(), asyncio.Lock()
        self._worked_on = asyncio.Semaphore(WORKED_ON_AT_ONCE)
        self._limit = ConcurrencyLimit(
            most_in_all,
            "bodies_busy",
            of_one=most_of_one,
            too_many="too_many_bodies",
            retry_after=RETRY_AFTER,
        )

    def counted(self, person_id: str) -> AbstractContextManager[None]:
        """Count a request of this person's while the block runs.

        Raises:
            TooMuchAtOnce: the person has too many under way.
            Unavailable: too many are under way in all.
        """
        return self._limit.counted(person_id)

    def place(self) -> "Place":
        """Return a place among the bodies that are worked on, not taken yet."""
        return Place(self._worked_on)


class Place:
    """A place of one request among those that are worked on."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places, self._is_taken = places, False

    async def take(self) -> None:
        """Wait until the place is free, and take it; again: nothing."""
        if not self._is_taken:
            await self._places.acquire()
            self._is_taken = True

    def leave(self) -> None:
        """Leave the place to the next one, if it was taken."""
        if self._is_taken:
            self._places.release()
            self._is_taken = False


class CountedLongBodies(ASGIMiddleware):
    """Counts requests whose body may be long from before it is read until they are answered."""

    scopes = (ScopeType.HTTP,)

    def should_bypass_for_scope(self, scope: Scope) -> bool:
        """Return whether this request's body is short."""
        return not _may_be_long(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on; one too many is refused before its body is read."""
        bodies: LongBodies = scope["litestar_app"].state.long_bodies
        with bodies.counted(scope["user"].person_id):
            place = scope["state"][PLACE] = bodies.place()
            try:
                await next_app(scope, receive, send)
            finally:
                place.leave()
                # Else the connection keeps it until the next request, or the next garbage collection.
                ScopeState.from_scope(scope).body = Empty


def _may_be_long(scope: Scope) -> bool:
    """Return whether a body may be longer than most; of uploads only blocks are in memory."""
    handler: Any = scope["route_handler"]
    most = handler.resolve_request_max_body_size() if isinstance(handler, HTTPRouteHandler) else 0
    if not isinstance(most, int) or most <= SMALL_BODY:
        return False
    announced = dict(scope["headers"]).get(b"content-length", b"")
    return not announced.isdigit() or int(announced) > SMALL_BODY
