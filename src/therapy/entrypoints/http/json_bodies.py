"""JSON bodies of requests and answers; long ones are decoded and encoded off the event loop.

Litestar passes every `data` parameter through `JsonRequest.json`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler
from litestar.serialization import encode_json
from msgspec import Raw

from therapy.domain.errors import InvalidInput
from therapy.entrypoints.http.errors import BrokenOff, CompressedBody
from therapy.entrypoints.http.json_faults import find_fault
from therapy.entrypoints.http.json_texts import NO_JSON, decode_json, mended
from therapy.entrypoints.http.long_bodies import LongBodies

LONG = 50_000
"""From this many bytes on a body is decoded in a thread; for less, switching threads costs more."""

PLAIN = {"", "identity"}
"""The content encodings of a body that is sent as it is."""

Shape = TypeVar("Shape")
Answer = TypeVar("Answer")


class JsonRequest(Request[Any, Any, Any]):
    """The request class of all handlers."""

    async def json(self) -> Any:
        """Return the body as its handler's `data`.

        Raises:
            InvalidInput: not JSON, or not of that shape; names the field.
            BrokenOff: the client went away.
        """
        raw, read = await self.body(), _reader(self.route_handler)
        if len(raw) < LONG:
            return read(raw)
        bodies: LongBodies = self.app.state.long_bodies
        async with bodies.decoding:
            return await asyncio.to_thread(read, raw)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives.

        Raises:
            CompressedBody: it has a Content-Encoding.
            BrokenOff: the client went away.
        """
        if self.headers.get("content-encoding", "identity").strip().lower() not in PLAIN:
            raise CompressedBody
        try:
            async for chunk in super().stream():
                yield chunk
        except InternalServerException as exc:
            if self.is_connected:  # else it was read before, which is our mistake
                raise BrokenOff from exc
            raise


def decoded(raw: bytes, shape: type[Shape]) -> Shape:
    """Return a decoded JSON body.

    Raises:
        InvalidInput: not JSON, or not of this shape; names the field.
    """
    try:
        return decode_json(raw, lambda text: msgspec.json.decode(text, type=shape))
    except NO_JSON:
        raise fault_of(raw, shape) from None


def fault_of(raw: bytes, shape: Any) -> InvalidInput:
    """Return what is wrong with a body that can't be decoded into this shape."""
    fault = find_fault(mended(raw), shape)
    if fault is None:
        return InvalidInput("body", "malformed_json")
    return InvalidInput(fault.field or "body", fault.code)


async def json_response(
    make: Callable[[], Answer], headers: dict[str, str] | None = None
) -> Response[Answer]:
    """Return what `make` returns as JSON; it runs in a thread, since 20,000 lines take 0.1 s."""
    content: Any = await asyncio.to_thread(lambda: encode_json(make()))
    return Response(content, media_type=MediaType.JSON, headers=headers)


@cache
def _reader(handler: HTTPRouteHandler) -> Callable[[bytes], Any]:
    """Return the decoder for the bodies of this handler's requests."""
    field = handler.parsed_data_field
    if field is None:
        return lambda raw: decoded(raw, object)
    shape: Any = field.annotation
    if field.metadata:
        shape = Annotated[(shape, *field.metadata)]
    if field.origin is not list:
        return lambda raw: decoded(raw, shape)
    (item,), (items, *bounds) = field.args, (list[Raw], *field.metadata)
    pieces: Any = Annotated[(items, *bounds)] if bounds else items
    return lambda raw: _array(raw, shape, pieces, item)


def _array(raw: bytes, shape: Any, pieces: Any, item: Any) -> list[Any]:
    """Return an array decoded item by item: all at once it would block all threads, the event loop's too."""
    decode = msgspec.json.Decoder(item).decode

    def each(text: bytes) -> list[Any]:
        return [decode(piece) for piece in msgspec.json.decode(text, type=pieces)]

    try:
        return decode_json(raw, each)
    except NO_JSON:
        raise fault_of(raw, shape) from None
