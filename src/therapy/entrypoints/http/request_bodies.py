"""How large request bodies may be, and bodies that a handler reads itself, for the OpenAPI document.

Litestar describes a body only if a handler has a `data` parameter, for which it reads all of it first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from litestar.openapi.spec import Encoding, OpenAPIMediaType, Operation, RequestBody

SMALL_BODY = 16 * 1024
"""The most bytes of a body where a route says nothing else, e.g. of everything that anyone may send."""

DETAILS_BODY = 1024 * 1024
"""The most bytes of a session's details, as much as the metadata of an upload."""

TRANSCRIPT_BODY = 8 * 1024 * 1024
"""The most bytes of a reviewed transcript: 20,000 lines of 400 bytes."""

JSON, MULTIPART = "application/json", "multipart/form-data"


@dataclass
class BodyOperation(Operation):
    """An operation with a body of this shape; `openapi_document` describes the shape."""

    shape: ClassVar[Any] = None


def body_operation(
    shape: Any,
    media_type: str = JSON,
    *,
    required: bool = True,
    part_types: Mapping[str, str] | None = None,
) -> type[BodyOperation]:
    """Return an operation class whose body has this shape; `part_types` are those of a form's parts."""
    wanted = shape
    encoding = {name: Encoding(content_type=each) for name, each in (part_types or {}).items()}

    @dataclass
    class WithBody(BodyOperation):
        shape: ClassVar[Any] = wanted

        def __post_init__(self) -> None:
            self.request_body = RequestBody(
                required=required,
                content={media_type: OpenAPIMediaType(encoding=dict(encoding) or None)},
            )

    return WithBody
