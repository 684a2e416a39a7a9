"""/health: whether the process lives, and whether what it stands on does."""

import asyncio
import hmac
from contextlib import suppress
from time import monotonic
from typing import Any

from litestar import Request, Router, get
from msgspec import Struct

from therapy.domain.errors import NotFound, Unavailable
from therapy.entrypoints.http.signed_in import bearer
from therapy.wiring import Therapy
from therapy.workflows.desk import Desk

PATIENCE_SECONDS = 3.0


class Live(Struct):
    status: str


class Ready(Struct, omit_defaults=True):
    """`checks` maps a dependency to the milliseconds it took, for who sends the operator's token."""

    status: str
    checks: dict[str, float] = {}


@get("/live", opt={"no_token": True})
async def live() -> Live:
    """Answer as long as the process does; touches nothing else."""
    return Live("live")


@get("/ready", opt={"no_token": True})
async def ready(request: Request[Any, Any, Any]) -> Ready:
    """Answer 200 if the stores can be reached, else 503."""
    therapy: Therapy = request.app.state.therapy
    began, checks = monotonic(), {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for name, check in _CHECKS.items():
                await check(therapy.desk)
                checks[name] = round((monotonic() - began) * 1000, 1)
    except TimeoutError:
        raise Unavailable from None
    expected = therapy.settings.operator_token
    given = bearer(request.headers.get("authorization"))
    if expected and hmac.compare_digest(given.encode(), expected.encode()):
        return Ready("ready", checks)
    return Ready("ready")


async def _sessions(desk: Desk) -> None:
    with suppress(NotFound):
        await desk.sessions.load("health", "health")


async def _runs(desk: Desk) -> None:
    await desk.runs.due(desk.now(), 1)


_CHECKS = {"sessions": _sessions, "runs": _runs}


router = Router("/health", route_handlers=[live, ready], tags=["health"])
