"""/schema: the OpenAPI document, and a page that shows it and needs no network."""

import mimetypes
from importlib import metadata
from pathlib import Path
from typing import Any

import litestar_offline_docs
from litestar import Litestar, Response, Router, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    PathItem,
    Reference,
    Schema,
    SecurityScheme,
)
from litestar.params import FromPath
from litestar.response import File
from litestar.routes import HTTPRoute

DOCS = "/schema"
FILES = f"{DOCS}/files"
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"
PROBLEM = "Problem"

_FOLDER = Path(litestar_offline_docs.__file__).parent / "static"
_FILES = {each.name: each for each in _FOLDER.iterdir() if each.is_file()}


@get(f"{FILES}/{{name:str}}", opt={"no_token": True}, include_in_schema=False)
async def documentation_file(name: FromPath[str]) -> File:
    """Give a file of the page."""
    if name not in _FILES:
        raise NotFoundException
    kind, _ = mimetypes.guess_type(name)  # a browser runs no script that is not called one
    return File(_FILES[name], media_type=kind, content_disposition_type="inline")


def documentation() -> OpenAPIConfig:
    """Say what the document is called, who may call what, and where the page has its files from."""
    return OpenAPIConfig(
        title="Therapy",
        version=metadata.version("therapy"),
        description="The back end of a therapy practice: from a recording to a reviewed session.",
        use_handler_docstrings=True,
        openapi_router=Router(
            DOCS,
            route_handlers=[],
            include_in_schema=False,
            opt={"no_token": True},
            after_request=_no_html_for_what_is_missing,
        ),
        components=Components(
            schemas={PROBLEM: _problem()},
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
            },
        ),
        security=[{"bearer": []}],
        render_plugins=[
            SwaggerRenderPlugin(
                js_url=f"{FILES}/swagger-ui-bundle.js",
                css_url=f"{FILES}/swagger-ui.css",
                standalone_preset_js_url=f"{FILES}/swagger-ui-standalone-preset.js",
                favicon=f'<link rel="icon" href="{PICTURE}">',
            )
        ],
    )


def describe(app: Litestar) -> None:
    """Say in the document what the framework does not know: the form of errors, what needs no token."""
    document = app.openapi_schema
    _describe_errors(document)
    paths = document.paths or {}
    for route in app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if handler.opt.get("no_token") and route.path_format in paths:
                for operation in _operations(paths[route.path_format]):
                    operation.security = []


def _operations(path: PathItem) -> list[Operation]:
    found = (path.get, path.head, path.put, path.post, path.patch, path.delete)
    return [each for each in found if each is not None]


def _describe_errors(document: OpenAPI) -> None:
    answer = OpenAPIResponse(
        description="An error: problem details, with one plain sentence in `error`.",
        content={
            "application/problem+json": OpenAPIMediaType(
                schema=Reference(ref=f"#/components/schemas/{PROBLEM}")
            )
        },
    )
    document.components.schemas[PROBLEM] = _problem()
    for path in (document.paths or {}).values():
        for operation in _operations(path):
            if operation.responses is not None:
                operation.responses.pop("400", None)
                operation.responses["default"] = answer


def _no_html_for_what_is_missing(response: Response[Any]) -> Response[Any]:
    if response.status_code == NotFoundException.status_code and (
        response.media_type is MediaType.HTML
    ):
        raise NotFoundException
    return response


def _problem() -> Schema:
    text, number = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.INTEGER)
    fields = dict.fromkeys(("type", "title", "detail", "error", "code", "request_id"), text)
    return Schema(
        type=OpenAPIType.OBJECT,
        required=[*fields, "status"],
        properties={**fields, "status": number, "field": text},
    )
