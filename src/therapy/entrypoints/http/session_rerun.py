"""POST /sessions/{id}/rerun: a session's recording is recognised again, beside its transcript."""

from typing import Annotated, Any

from litestar import Request, post
from litestar.datastructures import State
from msgspec import Struct

from therapy.domain.errors import InvalidInput
from therapy.domain.messages import sentence
from therapy.domain.session import parse_languages
from therapy.entrypoints.http.dependencies import (
    Caller,
    Language,
    RecordsDependency,
    WaitingListDependency,
)
from therapy.entrypoints.http.idempotency_key import KEPT_ANSWER
from therapy.entrypoints.http.json_bodies import absent_first, decoded
from therapy.entrypoints.http.problem_answers import JSON_BODY, OWN_SESSION, WRITES, problems
from therapy.entrypoints.http.request_bodies import body_operation
from therapy.entrypoints.http.schema_types import LanguageTag, Message, SessionId, Short, about
from therapy.wiring import engine_names
from therapy.workflows import rerun as reruns


class RerunRequest(Struct, forbid_unknown_fields=True):
    """What to do otherwise this time."""

    languages: Annotated[
        list[LanguageTag],
        about("What is spoken, as up to four BCP 47 tags; left out, the session's.", ["he-IL"]),
    ] = []
    engine: Annotated[
        Short | None, about("Which engine; left out, the one that is installed.", "local")
    ] = None
    vocabulary: Annotated[
        bool, about("Whether the practice's vocabulary is used; left out, it is.", True)
    ] = True


@post(
    "/{session_id:str}/rerun",
    status_code=202,
    operation_class=body_operation(RerunRequest, required=False),
    opt={**KEPT_ANSWER, "example": {"message": sentence("rerun_accepted", "en")}},
    operation_id="rerun_session",
    summary="Recognise a session's recording again",
    response_description="It waits to be recognised again.",
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        *("unknown_field", "languages", "engine_not_installed", "no_transcript"),
        *("rerun_under_way", "too_many_waiting", "waiting_busy"),
        *WRITES,
        field="languages",
    ),
)
async def rerun(
    request: Request[Any, Any, Any],
    session_id: SessionId,
    actor: Caller,
    *,
    state: State,
    records: RecordsDependency,
    waiting_list: WaitingListDependency,
    language: Language,
) -> Message:
    """Have a session's recording recognised again, to a new version beside the one in force.

    For the session's therapist, from `awaiting_review` on. Nothing that a person wrote is touched: restore
    the new version to use it. `rerun` of the session says how far it is; if it fails, the session does not,
    and `retry` tries it again. Sent again while it waits or is worked on, nothing more is done.
    """
    body = await request.body()
    async with absent_first(actor, session_id, records=records):
        asked = decoded(body, RerunRequest) if body else RerunRequest()
        languages = parse_languages(asked.languages, field="languages")
        installed = engine_names(state.therapy.settings)
        if asked.engine is not None and asked.engine not in installed:
            raise InvalidInput("engine", "engine_not_installed", engines=", ".join(installed))
    await reruns.rerun(
        actor,
        session_id,
        languages=languages,
        vocabulary=asked.vocabulary,
        records=records,
        waiting_list=waiting_list,
    )
    return Message(sentence("rerun_accepted", language))
