"""The HTTP application: `make_app(settings)` gives a Litestar app; opening it opens everything else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import litestar_offline_docs
from litestar import Litestar, Request
from litestar.datastructures import ResponseHeader, State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.static_files import create_static_files_router

from therapy.config import Settings
from therapy.domain.access import Actor
from therapy.domain.errors import TherapyError
from therapy.entrypoints.http import auth, health, people, review, status
from therapy.entrypoints.http.errors import on_bug, on_http_error, on_therapy_error
from therapy.entrypoints.http.signed_in import AccessLog, Authentication
from therapy.entrypoints.worker import working
from therapy.wiring import Therapy, open_therapy
from therapy.workflows.desk import Desk

MOST_JSON = 8 * 1024 * 1024
"""Bytes of any body but an upload's."""

DOCS = "/schema"
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"


def provide_desk(state: State) -> Desk:
    """The desk of this application."""
    desk: Desk = state.therapy.desk
    return desk


def provide_actor(request: Request[Actor, Any, Any]) -> Actor:
    """Who asks."""
    return request.user


Opening = Callable[[Settings], AbstractAsyncContextManager[Therapy]]


def make_app(
    settings: Settings, *, with_worker: bool = True, opening: Opening = open_therapy
) -> Litestar:
    """Make the application; with the worker in it, this one process does everything.

    `opening` opens what it stands on: the composition root, or a family of fakes in a test.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.therapy = await stack.enter_async_context(opening(settings))
            if with_worker:
                await stack.enter_async_context(working(app.state.therapy))
            yield

    return Litestar(
        route_handlers=[
            auth.router,
            *people.routers,
            status.router,
            review.router,
            health.router,
            _documentation_files(),
        ],
        lifespan=[lifespan],
        state=State({"language": settings.language}),
        dependencies={
            "desk": Provide(provide_desk, sync_to_thread=False),
            "actor": Provide(provide_actor, sync_to_thread=False),
        },
        middleware=[
            AccessLog(),
            DefineMiddleware(Authentication, exclude=f"^{DOCS}", exclude_from_auth_key="no_token"),
        ],
        exception_handlers={
            TherapyError: on_therapy_error,
            HTTPException: on_http_error,
            Exception: on_bug,
        },
        response_headers=[
            ResponseHeader(name="Cache-Control", value="no-store"),
            ResponseHeader(name="X-Content-Type-Options", value="nosniff"),
        ],
        request_max_body_size=MOST_JSON,
        openapi_config=_documentation(),
        logging_config=None,
    )


def _documentation() -> OpenAPIConfig:
    files = f"{DOCS}/files"
    return OpenAPIConfig(
        title="Therapy",
        version=metadata.version("therapy"),
        description="The back end of a therapy practice: from a recording to a reviewed session.",
        path=DOCS,
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
            }
        ),
        security=[{"bearer": []}],
        render_plugins=[
            SwaggerRenderPlugin(
                js_url=f"{files}/swagger-ui-bundle.js",
                css_url=f"{files}/swagger-ui.css",
                standalone_preset_js_url=f"{files}/swagger-ui-standalone-preset.js",
                favicon=f'<link rel="icon" href="{PICTURE}">',
            )
        ],
    )


def _documentation_files() -> Any:
    directory = Path(litestar_offline_docs.__file__).parent / "static"
    return create_static_files_router(
        f"{DOCS}/files", [directory], opt={"no_token": True}, include_in_schema=False
    )
