"""Request bodies that a handler reads itself, described for the OpenAPI document.

Litestar describes a body only where a handler has a `data` parameter, which reads all of it first.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)


def json_body(shape: Any, *, required: bool = True) -> type[Operation]:
    """Make an operation whose body is JSON of this shape."""
    _, components = msgspec.json.schema_components([shape])
    fields = components[shape.__name__]["properties"]
    properties: dict[str, Reference | Schema] = {
        name: _described(field) for name, field in fields.items()
    }
    content = {
        "application/json": OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.OBJECT, properties=properties)
        )
    }

    @dataclass
    class JsonOperation(Operation):
        def __post_init__(self) -> None:
            self.request_body = RequestBody(required=required, content=content)

    return JsonOperation


def _described(field: dict[str, Any]) -> Schema:
    items = _described(field["items"]) if "items" in field else None
    return Schema(type=OpenAPIType(field["type"]), items=items)


@dataclass
class UploadOperation(Operation):
    """The upload's body: the audio first, what is known about it after."""

    def __post_init__(self) -> None:
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["audio_file", "metadata"],
            properties={
                "audio_file": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY),
                "metadata": Schema(type=OpenAPIType.STRING, content_media_type="application/json"),
            },
        )
        self.request_body = RequestBody(
            required=True, content={"multipart/form-data": OpenAPIMediaType(schema=schema)}
        )
