"""/health: whether the process is alive, and whether its dependencies are."""

import asyncio
import hmac
from time import monotonic
from typing import Annotated, Any

from litestar import Request, Router, get
from msgspec import Struct

from therapy.domain.errors import TryAgain, Unavailable
from therapy.entrypoints.http.bearer_token import bearer
from therapy.entrypoints.http.problem_answers import problems
from therapy.entrypoints.http.schema_types import about
from therapy.wiring import WORKED_WITHOUT, Check, Therapy

PATIENCE_SECONDS = 3.0


class Live(Struct):
    """That the process lives."""

    status: Annotated[str, about("Always `live`.", "live")]


class Ready(Struct, omit_defaults=True):
    """That what is needed can be reached."""

    status: Annotated[str, about("Always `ready`.", "ready")]
    checks: Annotated[
        dict[str, float | None],
        about(
            "Only for who sends the operator's token: milliseconds that each dependency took; null for "
            "one that is away and can be worked without.",
            {"store": 1.2, "recordings": 0.8, "doorbell": None},
        ),
    ] = {}


@get(
    "/live",
    opt={"no_token": True},
    operation_id="check_live",
    summary="Does the process live?",
    response_description="It does.",
)
async def live() -> Live:
    """Answer as long as the process does; nothing else is touched. Anyone may call it."""
    return Live("live")


@get(
    "/ready",
    opt={"no_token": True},
    operation_id="check_ready",
    summary="Can it work?",
    response_description="What is needed can be reached.",
    responses=problems("unavailable"),
)
async def ready(request: Request[Any, Any, Any]) -> Ready:
    """Answer 200 if what is needed can be reached, else 503.

    Anyone may call it; with the operator's token as `Authorization: Bearer` it says what was asked, and
    how long each took.
    """
    therapy: Therapy = request.app.state.therapy
    asked = [_asked(name, check) for name, check in therapy.checks.items()]
    checks = dict(zip(therapy.checks, await asyncio.gather(*asked), strict=True))
    expected = therapy.settings.operator_token
    given = bearer(request.headers.get("authorization"))
    if expected and hmac.compare_digest(given.encode(), expected.encode()):
        return Ready("ready", checks)
    return Ready("ready")


async def _asked(name: str, check: Check) -> float | None:
    began = monotonic()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check()
    except (TimeoutError, TryAgain) as exc:
        if name in WORKED_WITHOUT:
            return None
        raise Unavailable(dependency=name) from exc
    return round((monotonic() - began) * 1000, 1)


router = Router("/health", route_handlers=[live, ready], tags=["health"])
