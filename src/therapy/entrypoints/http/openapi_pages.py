"""/schema: the OpenAPI document, what it says of the API, and a page without network; / leads there."""

import asyncio
import mimetypes
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from typing import Any

import litestar_offline_docs
from litestar import HttpMethod, Request, Response, Router, get, route
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.params import FromPath
from litestar.response import File

from therapy.entrypoints.http.openapi_document import document_of

DOCS = "/schema"
FILES = f"{DOCS}/files"
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"

ABOUT = """The back end of a therapy practice: from a recording to a reviewed session.

A therapist uploads a recording (`POST /sessions/upload`), waits until its `state` is `awaiting_review`
(`GET /sessions/{session_id}`), corrects who said what (`GET` and `PUT /data/transcript/{session_id}`), and
finds the closed session again, as its patient does (`GET /sessions/me`).

Bodies are JSON in UTF-8 but for the upload and recordings. Errors are problem details (RFC 9457) with a plain
sentence in `error`, in English or Hebrew as `Accept-Language` asks. Requests of what the
mobile app calls may hold fields that are not described here: they are ignored; all others refuse them. What
the mobile app calls keeps the app's form of dates (`dd-MM-yyyy` in most places); everything else has ISO
8601.
"""

TAGS = {
    "auth": "Signing in, staying signed in, and a new password. None of it needs an access token.",
    "devices": "Where pushes go.",
    "practice": "What the therapists of a practice share.",
    "profiles": "The caller's account, and the patients of the practice.",
    "uploads": "Recordings in pieces: what breaks off goes on from where it was (tus 1.0.0).",
    "sessions": "Recorded sessions: the upload, their way to being closed, and finding them again.",
    "review": "The therapist's inbox, and the transcript under review.",
    "health": "For probes: whether the process lives, and whether what it stands on does.",
}

START = f"""This is the API of a therapy practice. Its documentation:
  {DOCS}               a page for the browser: every operation, field and error, with examples
  {DOCS}/openapi.json  the same as OpenAPI 3.1, for programs
"""

_FOLDER = Path(litestar_offline_docs.__file__).parent / "static"
_FILES = {each.name: each for each in _FOLDER.iterdir() if each.is_file()}


@get(f"{FILES}/{{name:str}}", opt={"no_token": True}, include_in_schema=False)
async def documentation_file(name: FromPath[str]) -> File:
    """Return a file of the page."""
    if name not in _FILES:
        raise NotFoundException
    kind, _ = mimetypes.guess_type(name)  # a browser runs no script that is not called one
    return File(_FILES[name], media_type=kind, content_disposition_type="inline")


@route(
    "/",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    status_code=HTTPStatus.TEMPORARY_REDIRECT,
    opt={"no_token": True},
    include_in_schema=False,
)
async def start_page() -> Response[str]:
    """Lead to the documentation: browsers by a redirect, curl and others by the text that they show."""
    return Response(START, media_type=MediaType.TEXT, headers={"Location": DOCS})


def documentation() -> OpenAPIConfig:
    """Return the configuration: title, description, authentication, and the page's own files."""
    return OpenAPIConfig(
        title="Therapy",
        version=metadata.version("therapy"),
        description=ABOUT,
        use_handler_docstrings=True,
        openapi_router=Router(
            DOCS,
            route_handlers=[],
            include_in_schema=False,
            opt={"no_token": True},
            before_request=_complete_the_document,
            after_request=_no_html_for_what_is_missing,
        ),
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="The access token that `POST /auth/login` or `/auth/refresh` gave.",
                )
            },
        ),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[Tag(name, description) for name, description in TAGS.items()],
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


async def _complete_the_document(request: Request[Any, Any, Any]) -> None:
    """Have the document completed beside the event loop, before it is first shown."""
    await asyncio.to_thread(document_of, request.app)


def _no_html_for_what_is_missing(response: Response[Any]) -> Response[Any]:
    if response.status_code == NotFoundException.status_code and (
        response.media_type is MediaType.HTML
    ):
        raise NotFoundException
    return response
