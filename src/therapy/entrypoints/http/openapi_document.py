"""What the framework's OpenAPI document lacks: exact schemas, headers, examples, and what needs no token.

Bodies are read and written by msgspec, so msgspec describes them: Litestar's own schemas lack a struct's
docstring and the bounds of what may be null.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import cleandoc
from typing import Annotated, Any, get_args, get_origin

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import (
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    PathItem,
    RequestBody,
    Schema,
)
from litestar.routes import HTTPRoute
from msgspec import Struct

from therapy.entrypoints.http.errors import RETRY_AFTER
from therapy.entrypoints.http.idempotency_document import describe_key
from therapy.entrypoints.http.idempotency_key import takes_key
from therapy.entrypoints.http.problem_answers import A_REQUEST_ID, Problem
from therapy.entrypoints.http.request_bodies import BodyOperation

PLACE = "#/components/schemas/"
BYTES = ("audio/", "application/octet-stream")
"""Media types of files."""

SUCCESS = "2"
JSON = "application/json"
HEADERS: dict[int, tuple[str, str, str]] = {
    HTTPStatus.PARTIAL_CONTENT: (
        "Content-Range",
        "Which bytes follow, and how many there are.",
        "bytes 0-1023/264600044",
    ),
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "Which kind of token is wanted.", "Bearer"),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: (
        "Content-Range",
        "How many bytes there are.",
        "bytes */264600044",
    ),
    **{
        status: ("Retry-After", "Seconds after which trying again may help.", seconds)
        for status, seconds in {429: "420", **RETRY_AFTER}.items()
    },
}
"""The header that an answer with this status has, what it says, and an example."""


_ONE_AT_A_TIME = threading.Lock()


@dataclass
class Verbatim(Schema):
    """A schema, or an example in one, that is written as it is: Litestar's own would lose nulls."""

    content: Any = field(default=None)

    def to_schema(self) -> Any:
        """Return what was given."""
        return self.content


def document_of(app: Litestar) -> OpenAPI:
    """Return the document of an application, completed when it is first asked for: that takes 0.1 s."""
    with _ONE_AT_A_TIME:
        document = app.openapi_schema
        if not isinstance((document.components.schemas or {}).get(Problem.__name__), Verbatim):
            _complete(document, app)
    return document


def _complete(document: OpenAPI, app: Litestar) -> None:
    found = list(_operations(app, document.paths or {}))
    shapes = {place: shape for _, handler, _ in found for place, shape in _shapes(handler).items()}
    described, components = msgspec.json.schema_components(
        [*shapes.values(), Problem], ref_template=PLACE + "{name}"
    )
    for component in components.values():
        _mend(component)
    for name, component in components.items():
        document.components.schemas[name] = Verbatim(content=component)
    schemas = dict(zip(shapes, described, strict=False))
    for method, handler, operation in found:
        if handler.opt.get("no_token") and not handler.opt.get("operators_token"):
            operation.security = []
        if method == "head":
            operation.summary = f"{operation.summary}: only the headers"
        if takes_key(handler):
            describe_key(operation)
        operation.responses = dict(sorted((operation.responses or {}).items()))
        _put_schemas(operation, handler, schemas, components)
        for status, answer in operation.responses.items():
            if isinstance(answer, OpenAPIResponse):
                _put_headers(answer, status, handler)
                answer.content = None if method == "head" else _said_in(answer)
                _mend_content(answer)


def _said_in(answer: OpenAPIResponse) -> dict[str, OpenAPIMediaType] | None:
    """Return the content of an answer; None if it has headers only, for which Litestar writes a null."""
    schemas = [each.schema for each in (answer.content or {}).values()]
    if any(isinstance(each, Schema) and each.type is OpenAPIType.NULL for each in schemas):
        return None
    return answer.content


def _operations(
    app: Litestar, paths: dict[str, PathItem]
) -> Iterator[tuple[str, HTTPRouteHandler, Operation]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in paths:
            for method, (handler, _) in route.route_handler_map.items():
                operation = getattr(paths[route.path_format], method.lower())
                if operation is not None:
                    yield method.lower(), handler, operation


def _shapes(handler: HTTPRouteHandler) -> dict[tuple[str, HTTPRouteHandler], Any]:
    """Return what a handler takes and gives, as far as it is JSON."""
    found: dict[tuple[str, HTTPRouteHandler], Any] = {}
    if data := handler.parsed_data_field:
        found["body", handler] = (
            Annotated[(data.annotation, *data.metadata)] if data.metadata else data.annotation
        )
    elif issubclass(handler.operation_class, BodyOperation):
        found["body", handler] = handler.operation_class.shape
    answer = handler.parsed_return_field.annotation
    if get_origin(answer) is Response:
        (answer,) = get_args(answer)
    if get_origin(answer) is list or (isinstance(answer, type) and issubclass(answer, Struct)):
        found["answer", handler] = answer
    return found


def _put_schemas(
    operation: Operation,
    handler: HTTPRouteHandler,
    schemas: dict[tuple[str, HTTPRouteHandler], dict[str, Any]],
    components: dict[str, Any],
) -> None:
    if (body := schemas.get(("body", handler))) and isinstance(operation.request_body, RequestBody):
        for media in operation.request_body.content.values():
            _put_schema(media, body, components)
    if answer := schemas.get(("answer", handler)):
        response = (operation.responses or {})[str(handler.status_code)]
        if isinstance(response, OpenAPIResponse):
            media = (response.content or {})[JSON]
            _put_schema(media, answer, components)
            if example := handler.opt.get("example"):
                media.example = Verbatim(content=example)


def _put_schema(
    media: OpenAPIMediaType, schema: dict[str, Any], components: dict[str, Any]
) -> None:
    if schema.get("format") == "binary":
        schema.pop("contentEncoding", None)
    media.schema = Verbatim(content=schema)
    media.example = Verbatim(content=example_of(schema, components))


def _put_headers(answer: OpenAPIResponse, status: str, handler: HTTPRouteHandler) -> None:
    answer.headers = {}
    if status.startswith(SUCCESS):
        for each in sorted(handler.resolve_response_headers(), key=lambda one: one.name):
            answer.headers[each.name] = _header(each.description or "", each.value)
    if (special := HEADERS.get(int(status))) is not None:
        name, description, example = special
        answer.headers[name] = _header(description, example)
    answer.headers["X-Request-ID"] = _header("The request's id, as in the log.", A_REQUEST_ID)


def _header(description: str, example: str | None) -> OpenAPIHeader:
    text = Schema(type=OpenAPIType.STRING, examples=[example])
    return OpenAPIHeader(description=description, required=True, schema=text)


def _mend_content(answer: OpenAPIResponse) -> None:
    """Write the examples of errors without the field `id`, which OpenAPI does not know; files as bytes."""
    for media_type, media in (answer.content or {}).items():
        if media_type.startswith(BYTES):
            media.schema = Verbatim(content={"type": "string", "format": "binary"})
        for each in (media.examples or {}).values():
            if isinstance(each, Example):
                each.id = None


def _mend(component: dict[str, Any]) -> None:
    """Say what msgspec does not: that enums are strings, and that a file's bytes are not encoded.

    Of a docstring it keeps the indentation, which Markdown shows as code.

    Where the items of an array are named one by one, its `maxItems` bounds them: `items: false`, which
    generators of clients do not read, is left out. So is what stands for a field that is missing: a generator
    of types takes a field that has a `default` for one that is always there, so that clients had to send it.
    """
    if "description" in component:
        component["description"] = cleandoc(component["description"])
    if "enum" in component:
        component.setdefault("type", "string")
    for each in component.get("properties", {}).values():
        each.pop("default", None)
        if each.get("format") == "binary":
            del each["contentEncoding"]
        if "prefixItems" in (inner := each.get("items") or {}) and "maxItems" in inner:
            inner.pop("items", None)


def example_of(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Return an example of a schema: its own, else one made of its fields' examples."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(components[schema["$ref"].removeprefix(PLACE)], components)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        return {name: example_of(each, components) for name, each in schema["properties"].items()}
    if "items" in schema:
        return [example_of(schema["items"], components)]
    raise ValueError(f"no example of {schema}")
