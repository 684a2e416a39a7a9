"""The header Idempotency-Key: a POST that is sent again under its key is answered as before, not done again.

It holds for every POST of somebody who is signed in, also for new ones. A handler says what may be kept of
its answer: `opt=KEPT_ANSWER` where that has only ids and sentences, `opt=SHOWN_ANEW` where it may be about a
person.
The handler is then asked again, with `is_repeated` set, and answers without doing anything.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPMethod
from typing import Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from therapy.domain.errors import KeyReused, TherapyError
from therapy.domain.idempotency import HEADER, KeyedRequest, parse_key
from therapy.entrypoints.http.body_fingerprint import BodyFingerprint, FingerprintedBody
from therapy.entrypoints.http.buffered_answer import KEPT, OPTION, SHOWN, BufferedAnswer, send_again
from therapy.entrypoints.http.errors import BrokenOff, SlowBody
from therapy.entrypoints.http.operation_names import operation_name
from therapy.entrypoints.http.watched_body import ReplayedBody, WatchedBody
from therapy.wiring import Therapy
from therapy.workflows.idempotency import Idempotency

log = logging.getLogger(__name__)

KEPT_ANSWER: Mapping[str, str] = {OPTION: KEPT}
SHOWN_ANEW: Mapping[str, str] = {OPTION: SHOWN}
"""Options of handlers whose answers have bodies."""

IS_REPEATED = "therapy_is_repeated"
"""The name in a request's state of what `is_repeated` returns."""


def takes_key(handler: Any) -> bool:
    """Return whether a handler's requests may have a key: it is a POST, and not for strangers."""
    is_post = isinstance(handler, HTTPRouteHandler) and HTTPMethod.POST in handler.http_methods
    return is_post and not handler.opt.get("no_token")


def is_repeated(request: Request[Any, Any, Any]) -> bool:
    """Return whether this request was done before: then it must do nothing, and show what is there."""
    return bool(request.scope["state"].get(IS_REPEATED))


class IdempotencyKeys(ASGIMiddleware):
    """Lets a request with a key be done once; comes after whoever finds out who is asking."""

    scopes = (ScopeType.HTTP,)

    def should_bypass_for_scope(self, scope: Scope) -> bool:
        """Return whether no request like this one takes a key."""
        return not takes_key(scope["route_handler"])

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on; with a key, do it, repeat its answer, or refuse it."""
        request = Request[Any, Any, Any](scope)
        keys = request.headers.getall(HEADER, [])
        if not keys:
            await next_app(scope, receive, send)
            return
        therapy: Therapy = scope["litestar_app"].state.therapy
        idempotency = therapy.installation.idempotency
        watched = WatchedBody(receive)
        try:
            key = parse_key(",".join(keys))
            body = FingerprintedBody(watched, BodyFingerprint(key, request))
            await body.begin()
            found = await idempotency.claim(scope["user"], operation_name(scope), key)
            if found.answer is not None:
                await _Repetition(scope, body, send, next_app).answer(found)
        except TherapyError:
            await watched.drop()
            raise
        if found.answer is None:
            await _Doing(scope, body, send, next_app).answer(found, idempotency)


class _Exchange:
    """A request with a key, and where it is answered."""

    def __init__(
        self, scope: Scope, body: FingerprintedBody, send: Send, next_app: ASGIApp
    ) -> None:
        self._scope, self._body, self._send, self._next_app = scope, body, send, next_app


class _Doing(_Exchange):
    async def answer(self, claimed: KeyedRequest, idempotency: Idempotency) -> None:
        """Do a request, keep its answer if it was done, and only then send it."""
        answer, handler = BufferedAnswer(), self._scope["route_handler"]
        async with idempotency.attempt(claimed) as attempt:
            await self._next_app(self._scope, self._body, answer.buffer)
            kept = answer.to_keep(handler) if isinstance(handler, HTTPRouteHandler) else None
            if kept is not None and (fingerprint := await self._fingerprint()):
                attempt.done(kept, fingerprint=fingerprint, size=self._body.fingerprint.size)
        if attempt.failure is not None:
            code = attempt.failure.code
            log.warning("an answer was not kept under its key", extra={"code": code})
        await answer.send(self._send)

    async def _fingerprint(self) -> str:
        """Return the fingerprint of the request; "" if its body never came to its end."""
        with suppress(SlowBody):
            await self._body.end()
        return self._body.fingerprint.hexdigest() if self._body.is_whole else ""


class _Repetition(_Exchange):
    async def answer(self, found: KeyedRequest) -> None:
        """Answer a request that was done before.

        Raises:
            KeyReused: it is another request.
            BrokenOff: the client went away.
        """
        kept = found.answer
        if kept is None or kept.is_shown_anew:
            body = await self._same_body(found, is_needed=True)
            self._scope["state"][IS_REPEATED] = True
            await self._next_app(self._scope, ReplayedBody(body), self._send)
        else:
            await self._same_body(found, is_needed=False)
            await send_again(kept, self._send)

    async def _same_body(self, found: KeyedRequest, *, is_needed: bool) -> bytes:
        """Receive the body, which must be the one of before; keep it in memory only if `is_needed`."""
        kept = bytearray()
        while not self._body.is_whole or self._body.has_first:
            message = await self._body()
            if message["type"] != "http.request":
                raise BrokenOff
            if self._body.fingerprint.size > found.size:
                raise KeyReused
            kept += message["body"] if is_needed else b""
        if self._body.fingerprint.hexdigest() != found.fingerprint:
            raise KeyReused
        return bytes(kept)
