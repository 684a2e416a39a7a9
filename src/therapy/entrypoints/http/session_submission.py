"""POST /sessions/{id}/submit: the reviewed transcript, of the version that the therapist has seen."""

from litestar import post
from msgspec import Struct

from therapy.domain.edited_lines import EditedLine, EditedLines
from therapy.domain.messages import sentence
from therapy.entrypoints.http.dependencies import Caller, Language, RecordsDependency
from therapy.entrypoints.http.edited_transcript import Lines, Outline, read_lines
from therapy.entrypoints.http.idempotency_key import KEPT_ANSWER
from therapy.entrypoints.http.if_match import IfMatch, expected_versions, required_versions
from therapy.entrypoints.http.json_bodies import JsonRequest, absent_first
from therapy.entrypoints.http.problem_answers import EDITED_LINES, OWN_SESSION, WRITES, problems
from therapy.entrypoints.http.request_bodies import TRANSCRIPT_BODY, body_operation
from therapy.entrypoints.http.schema_types import Message, SessionId
from therapy.workflows import review


class Submission(Struct, forbid_unknown_fields=True):
    """A reviewed transcript."""

    lines: Lines


@post(
    "/{session_id:str}/submit",
    status_code=202,
    request_max_body_size=TRANSCRIPT_BODY,
    operation_class=body_operation(Submission, required=False),
    opt={**KEPT_ANSWER, "example": {"message": sentence("transcript_accepted", "en")}},
    operation_id="submit_transcript",
    summary="Submit a session's transcript",
    response_description="Submitted; the session is being closed.",
    responses=problems(
        *OWN_SESSION,
        *EDITED_LINES,
        "not_awaiting_review",
        "no_draft",
        "version_changed",
        "precondition_required",
        *WRITES,
        field="lines[0].text",
    ),
)
async def submit(
    request: JsonRequest,
    session_id: SessionId,
    actor: Caller,
    *,
    records: RecordsDependency,
    language: Language,
    if_match: IfMatch = None,
) -> Message:
    """Submit the reviewed transcript: all its lines, with texts edited, speakers changed, lines left out.

    With an empty body it is the caller's draft that is submitted, and is over then; `If-Match` may be left
    out, since a draft knows its version: if another is in force it is 412, and the draft stays.

    For the session's therapist, once it awaits review. It becomes a new version beside the machine's, is
    scored, and the session is closed with it. `If-Match` names the version that was edited; if another is in
    force, nothing is changed. The same lines sent again, after a lost answer, are accepted again.
    """
    if not await request.body():
        expected, edit = expected_versions(if_match), None
    else:
        async with absent_first(actor, session_id, records=records):
            expected = required_versions(if_match)
            edit = EditedLines(await request.read_by(_lines))
    await review.submit_edit(actor, session_id, edit, expected=expected, records=records)
    return Message(sentence("transcript_accepted", language))


def _lines(raw: bytes) -> list[EditedLine]:
    return read_lines(raw, Outline, Submission)[1]
