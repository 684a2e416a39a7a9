"""/sessions/{id}/draft: the therapist's unsent edit of a transcript, kept on the server."""

from functools import partial
from typing import Any

from litestar import Response, delete, get, put
from litestar.openapi import ResponseSpec

from therapy.entrypoints.http.dependencies import Caller, RecordsDependency
from therapy.entrypoints.http.draft_schemas import (
    DraftAnswer,
    DraftSaved,
    DraftSent,
    IfMatch,
    IfNoneMatch,
    KnownDraft,
    draft_answer,
    draft_etag,
    etag_of,
    precondition,
    read_draft,
    required_precondition,
    saved_answer,
)
from therapy.entrypoints.http.json_bodies import JsonRequest, absent_first, json_response
from therapy.entrypoints.http.problem_answers import (
    DRAFT_LINES,
    DRAFTS,
    OWN_SESSION,
    WRITES,
    problems,
)
from therapy.entrypoints.http.request_bodies import TRANSCRIPT_BODY, body_operation
from therapy.entrypoints.http.schema_types import SessionId
from therapy.entrypoints.http.session_transcript import is_known
from therapy.workflows import drafts


@get(
    "/{session_id:str}/draft",
    operation_id="get_draft",
    summary="Show my draft of a session's transcript",
    response_description="The draft.",
    response_headers=[draft_etag],
    responses={
        304: ResponseSpec(None, generate_examples=False, description="It is still as it is known."),
        **problems(*OWN_SESSION, "no_draft", "draft_not_possible", field="session_id"),
    },
)
async def draft(
    session_id: SessionId,
    actor: Caller,
    records: RecordsDependency,
    known: KnownDraft = None,
) -> Response[DraftAnswer]:
    """Return the caller's draft of the transcript, wherever and whenever it was saved.

    For the session's therapist. Also a draft that began from an older version than the one in force, e.g.
    because the transcript was submitted from the phone meanwhile, or the recording was continued:
    `version_in_force` is greater than `base_version` then. What is still wanted of it can be put into the
    version in force, and saved with that as its `base_version`; or it can be deleted.
    """
    view = await drafts.show(actor, session_id, records=records)
    headers = etag_of(view)
    if is_known(known, headers["ETag"]):
        nothing: Any = None
        return Response(nothing, status_code=304, headers=headers)
    return await json_response(partial(draft_answer, view), headers)


@put(
    "/{session_id:str}/draft",
    request_max_body_size=TRANSCRIPT_BODY,
    operation_class=body_operation(DraftSent),
    operation_id="save_draft",
    summary="Save my draft of a session's transcript",
    response_description="Saved.",
    response_headers=[draft_etag],
    responses=problems(
        *OWN_SESSION,
        *DRAFT_LINES,
        *DRAFTS,
        "draft_condition",
        "no_such_version",
        *WRITES,
        field="lines[0].text",
    ),
)
async def save(
    request: JsonRequest,
    session_id: SessionId,
    actor: Caller,
    *,
    records: RecordsDependency,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response[DraftSaved]:
    """Save the draft: all its lines, as they are now. Meant to be called every few seconds.

    For the session's therapist, while it awaits review, and once it is closed, for an amendment. `If-Match`
    has the draft's ETag; `If-None-Match: *` begins one. If it was saved elsewhere since, nothing is changed
    and 412 says which lines were changed there, and when. What is stored is how it differs from its base
    version; nothing of the transcript changes before it is submitted.
    """
    async with absent_first(actor, session_id, records=records):
        wanted = required_precondition(if_match, if_none_match)
        sent = await request.read_by(read_draft)
    view = await drafts.save(actor, session_id, sent, wanted, records=records)
    return Response(saved_answer(view), headers=etag_of(view))


@delete(
    "/{session_id:str}/draft",
    status_code=204,
    operation_id="discard_draft",
    summary="Delete my draft of a session's transcript",
    response_description="There is no draft.",
    responses=problems(*OWN_SESSION, *DRAFTS, *WRITES, field="session_id"),
)
async def discard(
    session_id: SessionId, actor: Caller, records: RecordsDependency, if_match: IfMatch = None
) -> None:
    """Delete the draft for good; the transcript stays as it is.

    For the session's therapist. With `If-Match`, only if it was not saved elsewhere since. Sent again it is
    204 again.
    """
    await drafts.discard(actor, session_id, precondition(if_match), records=records)
