"""JSON bodies of requests and answers; long ones are decoded and encoded off the event loop.

Litestar passes every `data` parameter through `JsonRequest.json`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler
from litestar.serialization import encode_json
from msgspec import Raw

from therapy.domain.access import Actor
from therapy.domain.codec import LONG
from therapy.domain.errors import InvalidInput
from therapy.entrypoints.http.errors import BrokenOff, CompressedBody, PreconditionRequired
from therapy.entrypoints.http.json_faults import find_fault
from therapy.entrypoints.http.json_texts import NO_JSON, decode_json, mended
from therapy.entrypoints.http.long_bodies import PLACE, VERY_LONG, LongBodies, Place
from therapy.repositories.records import Records
from therapy.workflows import review

LONGEST_EXPLAINED = 1024 * 1024
"""Of a longer JSON text, or item of an array, it is not looked for what is wrong: that takes up to 40 times
its length in memory."""

PLAIN = {"", "identity"}
"""The content encodings of a body that is sent as it is."""

Shape = TypeVar("Shape")
Answer = TypeVar("Answer")


@asynccontextmanager
async def absent_first(actor: Actor, session_id: str, *, records: Records) -> AsyncIterator[None]:
    """Run the body; where it refuses a request about a session, see first that this is the caller's own.

    Raises:
        NotFound: it refused the request, and the session is absent or someone else's.
    """
    try:
        yield
    except (InvalidInput, PreconditionRequired):
        await review.own_session(actor, session_id, records=records)
        raise


class JsonRequest(Request[Any, Any, Any]):
    """The request class of all handlers."""

    async def json(self) -> Any:
        """Return the body as its handler's `data`.

        Raises:
            InvalidInput: not JSON, or not of that shape; names the field.
            NotFound: the same, of a session that is absent or someone else's.
            BrokenOff: the client went away.
        """
        session_id = self.path_params.get("session_id")
        if session_id is None:
            return await self.read_by(_reader(self.route_handler))
        records = self.app.state.therapy.installation.records
        async with absent_first(self.user, session_id, records=records):
            return await self.read_by(_reader(self.route_handler))

    async def read_by(self, read: Callable[[bytes], Shape]) -> Shape:
        """Return what `read` makes of the body; of a long one in a thread, one at a time.

        Raises:
            InvalidInput: as `read` does.
            BrokenOff: the client went away.
        """
        raw = await self.body()
        if len(raw) < LONG:
            return read(raw)
        bodies: LongBodies = self.app.state.long_bodies
        place: Place | None = self.scope["state"].get(PLACE)
        if place is not None and len(raw) >= VERY_LONG:
            await place.take()
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
    text = mended(raw)
    if len(text) > LONGEST_EXPLAINED:
        return InvalidInput("body", "" if _is_json(text) else "malformed_json")
    fault = find_fault(text, shape)
    if fault is None:
        return InvalidInput("body", "malformed_json")
    return InvalidInput(fault.field or "body", fault.code)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=Raw)
    except NO_JSON:
        return False
    return True


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
    return _Array(shape, field.args[0], field.metadata).decoded


class _Array:
    """Decodes arrays item by item: all at once it would block all threads, the event loop's too."""

    def __init__(self, shape: Any, item: Any, bounds: Iterable[Any]) -> None:
        self._shape, self._item = shape, item
        self._decode = msgspec.json.Decoder(item).decode
        self._check = msgspec.json.Decoder(_list_of(_outline(item), *bounds)).decode
        self._split = msgspec.json.Decoder(list[Raw]).decode

    def decoded(self, raw: bytes) -> list[Any]:
        """Return the array.

        Raises:
            InvalidInput: not JSON, or not of this shape; names the field.
        """
        try:
            return decode_json(raw, lambda text: [self._decode(each) for each in self._items(text)])
        except NO_JSON:
            raise self._fault_of(raw) from None

    def _items(self, text: bytes) -> list[Raw]:
        """Return the items undecoded; too many, or others, are refused before there is one of each."""
        self._check(text)
        return self._split(text)

    def _fault_of(self, raw: bytes) -> InvalidInput:
        if len(raw) <= LONGEST_EXPLAINED:
            return fault_of(raw, self._shape)
        with suppress(*NO_JSON):
            for place, item in enumerate(self._items(mended(raw))):
                try:
                    self._decode(item)
                except NO_JSON:
                    return _within(f"[{place}]", fault_of(bytes(item), self._item))
        return fault_of(raw, self._shape)


def decode_items(
    items: Iterable[Raw], decode: Callable[[Raw], Shape], shape: type[Shape], name: str
) -> Iterator[Shape]:
    """Yield the items of an array that is called `name`, each decoded on its own.

    Raises:
        InvalidInput: an item is not of this shape; names the field in it.
    """
    for place, item in enumerate(items):
        try:
            found = decode(item)
        except NO_JSON:
            if mended(bytes(item)) != bytes(item):
                raise  # the whole text is mended, then read again
            raise _within(f"{name}[{place}]", fault_of(bytes(item), shape)) from None
        yield found


def _within(place: str, fault: InvalidInput) -> InvalidInput:
    """Return what is wrong with an item as what is wrong with the array that has it there."""
    inner = "" if fault.field == "body" else fault.field
    return InvalidInput(f"{place}.{inner}" if inner else place, fault.code)


def _outline(item: Any) -> Any:
    """Return a type that has the required fields of an item, whatever is in them, and little memory."""
    if not (isinstance(item, type) and issubclass(item, msgspec.Struct)):
        return Raw
    required = [each.encode_name for each in msgspec.structs.fields(item) if each.required]
    named = [(f"field_{at}", Raw, msgspec.field(name=each)) for at, each in enumerate(required)]
    return msgspec.defstruct("Outline", named, gc=False)


def _list_of(item: Any, *bounds: Any) -> Any:
    return Annotated[(list[item], *bounds)] if bounds else list[item]
