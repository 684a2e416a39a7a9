"""/health: whether the process is alive, whether it can read or take recordings in, and how much work waits.

Anyone may call these, and often, so they cost little (`readiness`) and name nothing; whoever sends the
operator's token is told the dependencies by name.
"""

import hmac
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from litestar import Request, Router, get
from litestar.datastructures import State
from msgspec import Struct

from therapy.domain.errors import NotSignedIn, StorageFull, Unavailable
from therapy.entrypoints.http.bearer_token import bearer
from therapy.entrypoints.http.problem_answers import problems
from therapy.entrypoints.http.readiness import Findings, Readiness
from therapy.entrypoints.http.schema_types import UtcTime, about
from therapy.entrypoints.http.shared_answer import SharedAnswer
from therapy.wiring import Therapy
from therapy.workflows.backlog import Backlog, backlog
from therapy.workflows.undelivered import undelivered

BACKLOG_EVERY = timedelta(seconds=20)
"""How long a count of what waits stands: counting a thousand runs in Cosmos DB costs some 3,000 RU."""


class Live(Struct):
    """That the process lives."""

    status: Annotated[str, about("Always `live`.", "live")]


class Waiting(Struct):
    """Consequences of one kind that could not be delivered and wait for another try."""

    dependency: Annotated[str, about("Through what they are delivered.", "push")]
    number: Annotated[int, about("How many wait, at least.", 25)]
    since: Annotated[UtcTime, about("When the oldest was written.", "2026-11-26T05:10:00Z")]
    why: Annotated[
        str,
        about(
            "Why the last try failed; `therapy check` says what to do about it.",
            "unavailable dependency=push reason=SENDER_ID_MISMATCH",
        ),
    ]


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
    full: Annotated[
        list[str],
        about("Only for who sends the operator's token: what takes nothing more.", ["recordings"]),
    ] = []
    waiting: Annotated[
        list[Waiting],
        about(
            "Only for who sends the operator's token: pushes, letters and the like whose delivery failed and"
            " is tried again."
        ),
    ] = []


class Work(Struct):
    """The work that is not done."""

    waiting: Annotated[int, about("Runs that wait for a worker, or to be tried again.", 3)]
    working: Annotated[int, about("Runs that a worker is on.", 4)]
    insights: Annotated[int, about("Runs that look for insights: no session waits for them.", 2)]
    playback: Annotated[int, about("Runs that make what players play; nobody waits either.", 1)]
    in_all: Annotated[int, about("All four: what the number of workers may follow.", 10)]
    oldest_seconds: Annotated[
        float, about("How long ago the oldest run that waits was made; 0 if none waits.", 41.5)
    ]


@get(
    "/live",
    opt={"no_token": True},
    operation_id="check_live",
    summary="Check that the process lives",
    response_description="It does.",
)
async def live() -> Live:
    """Answer as long as the process does; nothing else is touched. Anyone may call it."""
    return Live("live")


@get(
    "/ready",
    opt={"no_token": True},
    operation_id="check_ready",
    summary="Check that the server is ready to answer requests",
    response_description="What is needed can be reached.",
    responses=problems("unavailable"),
)
async def ready(request: Request[Any, Any, Any]) -> Ready:
    """Answer 200 if what is needed to read can be reached, else 503: for load balancers.

    A server without room for recordings is ready: see `/health/ready/uploads`. Anyone may call it, as often
    as they like: the dependencies are asked at most every ten seconds (a setting). With the operator's token
    as `Authorization: Bearer` it says what was asked, how long each took, and what could not be delivered.
    """
    return await _answer(request, await _findings(request), to_upload=False)


@get(
    "/ready/uploads",
    opt={"no_token": True},
    operation_id="check_ready_for_uploads",
    summary="Check that the server is ready to take recordings in",
    response_description="There is room, and what is needed can be reached.",
    responses=problems("unavailable", "storage_full"),
)
async def ready_for_uploads(request: Request[Any, Any, Any]) -> Ready:
    """Answer 200 if a recording would be taken in, 507 if there is no room, 503 if something is away.

    Anyone may call it; otherwise as `/health/ready`, whose answer does not depend on room.
    """
    return await _answer(request, await _findings(request), to_upload=True)


@get(
    "/work",
    opt={"no_token": True, "operators_token": True},
    operation_id="count_work",
    summary="Measure how much work waits, and since when",
    response_description="The runs that are not done.",
    responses=problems("not_signed_in", "unavailable"),
)
async def work(request: Request[Any, Any, Any]) -> Work:
    """Count the runs (a session's transcription or scoring) that are not done: for the operator only.

    It needs the operator's token as `Authorization: Bearer`. It is asked of the store at most every 20
    seconds in each process. More than 1,000 are not counted.
    """
    if not _is_operator(request):
        raise NotSignedIn
    counted: SharedAnswer[Backlog] = request.app.state.backlog
    found = await counted.get()
    return Work(
        found.waiting,
        found.working,
        found.insights,
        found.playback,
        found.in_all,
        found.oldest_seconds,
    )


async def _findings(request: Request[Any, Any, Any]) -> Findings:
    readiness: Readiness = request.app.state.readiness
    return await readiness.findings()


async def _answer(request: Request[Any, Any, Any], found: Findings, *, to_upload: bool) -> Ready:
    """Return the answer, to an operator with names.

    Raises:
        Unavailable: what is needed is away.
        StorageFull: there is no room for a recording, and that is asked.
    """
    operator = _is_operator(request)
    if found.away:
        raise Unavailable(**_named(found.away, operator=operator))
    if to_upload and found.full:
        raise StorageFull(**_named(found.full, operator=operator))
    if not operator:
        return Ready("ready")
    therapy: Therapy = request.app.state.therapy
    failed = await undelivered(records=therapy.installation.records)
    waiting = [Waiting(each.dependency, each.number, each.since, each.why) for each in failed]
    took = {name: each.took_ms for name, each in found.by_name.items()}
    return Ready("ready", took, found.full, waiting)


def _named(names: list[str], *, operator: bool) -> dict[str, str]:
    return {"dependencies": ", ".join(names)} if operator else {}


def share_answers(state: State, therapy: Therapy) -> None:
    """Put into the application's state what all callers share, for as long as an answer stands."""
    state.readiness = Readiness(therapy.checks, therapy.settings.readiness_every)
    state.backlog = SharedAnswer(partial(backlog, therapy.installation.records), BACKLOG_EVERY)


def _is_operator(request: Request[Any, Any, Any]) -> bool:
    therapy: Therapy = request.app.state.therapy
    expected = therapy.settings.operator_token
    given = bearer(request.headers.get("authorization"))
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


router = Router("/health", route_handlers=[live, ready, ready_for_uploads, work], tags=["health"])
