"""A handler's return value as JSON, sent without the header objects that Litestar makes for each answer.

They are a twentieth of a small request's CPU. An answer with headers, cookies or a task is left to Litestar.
"""

from typing import Any, TypeVar

from litestar import MediaType, Request, Response
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED
from litestar.types import Receive, Scope, Send

T = TypeVar("T")

WITH_BODY = frozenset({HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED})


class JsonAnswer(Response[T]):
    """The class of answers of handlers that return a value."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **given: Any) -> Any:
        """Return what sends the answer."""
        own = self.headers or self.cookies or self.background or self.response_type_encoders
        kind = self.media_type
        if (
            own
            or any(given.values())
            or kind != MediaType.JSON
            or self.status_code not in WITH_BODY
        ):
            return super().to_asgi_response(app, request, **given)
        return _PlainJson(self.status_code, self.render(self.content, kind))


class _PlainJson:
    """An answer of a status and a body."""

    __slots__ = ("_body", "_status")

    def __init__(self, status: int, body: bytes) -> None:
        self._status, self._body = status, body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        length = str(len(self._body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})
