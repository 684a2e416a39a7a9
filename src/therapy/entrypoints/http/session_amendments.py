"""POST /sessions/{id}/amendments and /restore: a closed session gets another transcript, with a reason."""

from contextlib import suppress
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from therapy.domain.edited_lines import EditedLine, EditedLines
from therapy.domain.errors import InvalidInput
from therapy.domain.messages import sentence
from therapy.domain.transcript import Source
from therapy.entrypoints.http.dependencies import Caller, Language, RecordsDependency
from therapy.entrypoints.http.draft_schemas import replaced_draft
from therapy.entrypoints.http.edited_transcript import Lines, Outline, read_lines
from therapy.entrypoints.http.idempotency_key import KEPT_ANSWER
from therapy.entrypoints.http.if_match import IfMatch, expected_versions, required_versions
from therapy.entrypoints.http.json_bodies import JsonRequest, absent_first
from therapy.entrypoints.http.json_texts import NO_JSON, decode_json
from therapy.entrypoints.http.problem_answers import (
    EDITED_LINES,
    JSON_BODY,
    OWN_SESSION,
    WRITES,
    problems,
)
from therapy.entrypoints.http.request_bodies import SMALL_BODY, TRANSCRIPT_BODY, body_operation
from therapy.entrypoints.http.schema_types import NO_NUL, SessionId, about
from therapy.workflows import amendments

Reason = Annotated[
    str,
    about("Why, for whoever reads the versions.", "The patient's sister was misheard."),
    Meta(max_length=1_000, pattern=NO_NUL),
]


class Amendment(Struct, forbid_unknown_fields=True):
    """Another transcript of a closed session; without lines, that of the draft."""

    reason: Reason
    lines: Lines | UnsetType = UNSET


class _Outline(Outline, forbid_unknown_fields=True):
    reason: Reason


class _WithoutLines(Struct, forbid_unknown_fields=True):
    reason: Reason


class Restoration(Struct, forbid_unknown_fields=True):
    """Which version is to be in force again."""

    version: Annotated[int, about("The version's number.", 1)]
    reason: Reason = ""


class NewVersion(Struct):
    """The version that was made."""

    version: Annotated[int, about("Its number; it is in force once it is scored.", 3)]


class RestoredVersion(Struct):
    """What was made of a version that was restored."""

    version: Annotated[
        int | None, about("The new version's number; null before closing: it is the draft.", 3)
    ]


@post(
    "/{session_id:str}/amendments",
    status_code=202,
    request_max_body_size=TRANSCRIPT_BODY,
    operation_class=body_operation(Amendment),
    opt=KEPT_ANSWER,
    operation_id="amend_transcript",
    summary="Amend a closed session's transcript",
    response_description="Received; it is in force once it is scored.",
    responses=problems(
        *OWN_SESSION,
        *EDITED_LINES,
        *("not_closed", "amendment_under_way", "version_changed", "precondition_required"),
        "no_draft",
        *WRITES,
        field="reason",
    ),
)
async def amend(
    request: JsonRequest,
    session_id: SessionId,
    actor: Caller,
    *,
    records: RecordsDependency,
    if_match: IfMatch = None,
) -> NewVersion:
    """Give a closed session another transcript, with a reason: all its lines, as `submit` takes them.

    For the session's therapist. The session stays closed: until the new version is scored and in force,
    everybody reads the one of before, and `amendment` of the session says how far it is. `If-Match` names the
    version that was edited. Sent again it is the same version.

    Without `lines` it is the caller's draft, which is over then, and `If-Match` may be left out.
    """
    async with absent_first(actor, session_id, records=records):
        reason, lines = await request.read_by(_amendment)
        expected = expected_versions(if_match) if lines is None else required_versions(if_match)
    edit = None if lines is None else EditedLines(lines, Source.AMEND, reason)
    number = await amendments.amend(
        actor, session_id, edit, reason=reason, expected=expected, records=records
    )
    return NewVersion(number)


@post(
    "/{session_id:str}/restore",
    status_code=202,
    opt=KEPT_ANSWER,
    operation_id="restore_version",
    summary="Restore a version of a session's transcript",
    response_description="Received; it is in force once it is scored, or the draft.",
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        *("unknown_field", "no_transcript", "version_not_found", "not_closed"),
        *("amendment_under_way", "version_changed", "draft_changed", "draft_gone"),
        *WRITES,
        field="version",
    ),
)
async def restore(
    session_id: SessionId,
    data: JSONBody[Restoration],
    actor: Caller,
    *,
    records: RecordsDependency,
    language: Language,
    if_match: IfMatch = None,
) -> RestoredVersion:
    """Give a closed session the transcript of one of its versions again, as an amendment.

    For the session's therapist. It is a new version with the lines of that one; no version is removed.
    Without a `reason`, it says which was restored. Sent again it is the same version. While the session
    awaits review, the lines become the caller's draft, to be edited and submitted; one that is there already
    is replaced only if `If-Match` has its ETag.
    """
    reason = data.reason.strip() or sentence("restored_reason", language, version=data.version)
    number = await amendments.restore(
        actor,
        session_id,
        data.version,
        reason,
        expected=expected_versions(if_match),
        replaces=replaced_draft(if_match),
        records=records,
    )
    return RestoredVersion(number)


def _amendment(raw: bytes) -> tuple[str, list[EditedLine] | None]:
    found, lines = _read(raw)
    reason = found.reason.strip()
    if not any(each.isprintable() and not each.isspace() for each in reason):
        raise InvalidInput("reason", "required")
    return reason, lines


def _read(raw: bytes) -> tuple[_Outline | _WithoutLines, list[EditedLine] | None]:
    if len(raw) < SMALL_BODY:
        with suppress(*NO_JSON):
            return decode_json(
                raw, lambda text: msgspec.json.decode(text, type=_WithoutLines)
            ), None
    return read_lines(raw, _Outline, Amendment)
