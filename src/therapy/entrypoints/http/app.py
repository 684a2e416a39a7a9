"""The HTTP application: `make_app(settings)` returns a Litestar app; starting it opens everything else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.plugins.core import MsgspecDIPlugin

from therapy.config import Settings
from therapy.domain.errors import TherapyError
from therapy.entrypoints.http import (
    auth,
    data,
    devices,
    health,
    practice_vocabulary,
    profiles,
    session_events,
    sessions,
    uploads,
)
from therapy.entrypoints.http.after_response import AfterResponse
from therapy.entrypoints.http.bearer_token import Authentication
from therapy.entrypoints.http.dependencies import DEPENDENCIES, PROVIDERS
from therapy.entrypoints.http.direct_dependencies import call_directly
from therapy.entrypoints.http.errors import (
    on_bug,
    on_http_error,
    on_therapy_error,
)
from therapy.entrypoints.http.even_times import evenly_timed
from therapy.entrypoints.http.idempotency_key import IdempotencyKeys
from therapy.entrypoints.http.json_answer import JsonAnswer
from therapy.entrypoints.http.json_bodies import JsonRequest
from therapy.entrypoints.http.long_bodies import CountedLongBodies, LongBodies
from therapy.entrypoints.http.openapi_pages import (
    documentation,
    documentation_file,
    start_page,
)
from therapy.entrypoints.http.request_bodies import SMALL_BODY
from therapy.entrypoints.http.request_log import RequestTimer, finish_response
from therapy.entrypoints.http.tus_headers import add_version
from therapy.entrypoints.process_memory import giving_back_memory
from therapy.entrypoints.worker import working
from therapy.wiring import Therapy, open_therapy

if TYPE_CHECKING:
    from litestar.plugins import PluginProtocol

Opening = Callable[[Settings], AbstractAsyncContextManager[Therapy]]


class Application(Litestar):
    """Litestar without its plugins for pydantic and attrs, which it would import wherever they are installed.

    Our schemas are msgspec's. It has no setting for that, and they take 6 MB in every API process.
    """

    @staticmethod
    def _get_default_plugins(plugins: "list[PluginProtocol]") -> "list[PluginProtocol]":
        """Return the plugins that were passed, and msgspec's."""
        return [*plugins, MsgspecDIPlugin()]


def make_app(
    settings: Settings, *, with_worker: bool = True, opening: Opening | None = None
) -> Litestar:
    """Return the application; `with_worker`, this one process does everything.

    `opening` opens the installation: the composition root (None), or fakes in a test.
    """
    opened = opening or partial(open_therapy, works=with_worker)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(giving_back_memory())
            app.state.therapy = await stack.enter_async_context(opened(settings))
            therapy: Therapy = app.state.therapy
            followed = therapy.installation.followed_sessions
            followed.note_failure = session_events.log_failure
            stack.push_async_callback(followed.close)
            health.share_answers(app.state, therapy)
            app.state.after_response = await stack.enter_async_context(AfterResponse())
            if with_worker:
                await stack.enter_async_context(working(app.state.therapy))
            yield

    long_bodies = LongBodies(
        most_of_one=settings.person_limits.long_bodies,
        most_in_all=settings.person_limits.long_bodies_in_all,
    )
    app = Application(
        route_handlers=[
            auth.router,
            devices.router,
            profiles.router,
            practice_vocabulary.router,
            sessions.router,
            session_events.router,
            uploads.router,
            data.router,
            health.router,
            documentation_file,
            start_page,
        ],
        lifespan=[lifespan],
        state=State({"language": settings.language, "long_bodies": long_bodies}),
        dependencies=DEPENDENCIES,
        middleware=[
            RequestTimer(),
            Authentication(),
            CountedLongBodies(),
            IdempotencyKeys(),
        ],
        before_send=[
            add_version,
            evenly_timed(timedelta(milliseconds=settings.even_ms)),
            finish_response,
        ],
        exception_handlers={
            TherapyError: on_therapy_error,
            HTTPException: on_http_error,
            Exception: on_bug,
        },
        request_class=JsonRequest,
        response_class=JsonAnswer,
        request_max_body_size=SMALL_BODY,
        openapi_config=documentation(),
        logging_config=None,
    )
    call_directly(app, PROVIDERS)
    return app
