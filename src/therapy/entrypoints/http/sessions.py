"""/sessions beyond the app: every session's state, and what its therapist can do about it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from litestar import Request, Router, delete, get, patch, post
from litestar.openapi.spec import Example
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET
from msgspec.structs import replace

from therapy.domain.errors import InvalidInput
from therapy.domain.messages import sentence
from therapy.domain.session import (
    BIRTHDAY_UNREAD,
    DATE_ASSUMED,
    NOTE_TIME_UNREAD,
    Details,
    SessionPatient,
    check_people,
    parse_date,
    parse_languages,
    without_hint,
)
from therapy.domain.session_entry import SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.entrypoints.http import (
    draft_changes,
    mobile_sessions,
    query_parameters,
    session_amendments,
    session_draft,
    session_events,
    session_playback,
    session_recording,
    session_rerun,
    session_submission,
    session_transcript,
    session_upload,
    session_versions,
    version_differences,
)
from therapy.entrypoints.http.dependencies import (
    Caller,
    IsRepeated,
    Language,
    RecordsDependency,
    SessionIndexDependency,
    WaitingListDependency,
)
from therapy.entrypoints.http.idempotency_key import KEPT_ANSWER, SHOWN_ANEW
from therapy.entrypoints.http.json_bodies import absent_first, decoded
from therapy.entrypoints.http.problem_answers import (
    JSON_BODY,
    LONG_JSON_BODY,
    OWN_SESSION,
    SIGNED_IN,
    WRITES,
    problems,
)
from therapy.entrypoints.http.request_bodies import DETAILS_BODY, body_operation
from therapy.entrypoints.http.schema_types import Before, Message, SessionId
from therapy.entrypoints.http.session_answers import shown
from therapy.entrypoints.http.session_details import PersonIn, general_notes, timed_notes
from therapy.entrypoints.http.sessions_schemas import (
    Correction,
    LinkRequest,
    ListedSession,
    RetryRequest,
    SessionAnswer,
    SessionList,
)
from therapy.workflows import patient_links, review, session_lists

PAGE = 100
"""Sessions on one page of the list."""


@get(
    "/",
    operation_id="list_sessions",
    summary="List my sessions",
    response_description="One page of the list.",
    responses=problems(
        *SIGNED_IN, "invalid", "before", "unknown_parameter", "forbidden", field="state"
    ),
    guards=[query_parameters.only("state", "before", "after", "limit")],
)
async def list_sessions(
    actor: Caller,
    session_index: SessionIndexDependency,
    states: Annotated[
        list[SessionStatus] | None,
        QueryParameter(
            name="state",
            max_items=16,
            description="Only sessions in this state; may be there more than once.",
            examples=[Example(value=["awaiting_review"])],
        ),
    ] = None,
    before: Before = "",
) -> SessionList:
    """Return the caller's sessions in these states (all, if none is named), newest first, 100 a page.

    For therapists: the sessions that are theirs, from the upload on.
    """
    entries = await session_lists.inbox(
        actor, set(states or SessionStatus), before, PAGE + 1, session_index=session_index
    )
    page = entries[:PAGE]
    return SessionList(
        [_listed(entry) for entry in page], page[-1].session_id if len(entries) > PAGE else None
    )


@get(
    "/{session_id:str}",
    operation_id="get_session",
    summary="Show a session",
    response_description="The session.",
    responses=problems(*OWN_SESSION, field="session_id"),
)
async def one(
    session_id: SessionId, actor: Caller, records: RecordsDependency, language: Language
) -> SessionAnswer:
    """Return a session's state: how far it is, why it failed and what to do, who spoke how much.

    For the session's therapist, in every state: this is what to ask again until it awaits review.
    """
    return await shown(actor, session_id, language, records=records)


@post(
    "/{session_id:str}/retry",
    status_code=202,
    operation_class=body_operation(RetryRequest, required=False),
    opt={**KEPT_ANSWER, "example": {"message": sentence("retry_accepted", "en")}},
    operation_id="retry_session",
    summary="Try a failed session again",
    response_description="It is worked on again.",
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        "unknown_field",
        "languages",
        "people",
        "not_failed",
        "lease_lost",
        *("too_many_waiting", "waiting_busy"),
        *WRITES,
        field="languages",
    ),
)
async def retry(
    request: Request[Any, Any, Any],
    session_id: SessionId,
    actor: Caller,
    *,
    records: RecordsDependency,
    waiting_list: WaitingListDependency,
    language: Language,
) -> Message:
    """Have a failed session worked on again, with other languages or people if the body names some.

    If the session itself has not failed, insights are looked for again that failed, lack a part that failed,
    or are absent. For the session's therapist. Sent again it is 409: nothing has failed any more.
    """
    body = await request.body()
    async with absent_first(actor, session_id, records=records):
        asked = decoded(body, RetryRequest) if body else RetryRequest()
        languages = parse_languages(asked.languages, field="languages")
        people = check_people(asked.people, field="people")
    await review.retry(
        actor,
        session_id,
        languages=languages,
        people=people,
        records=records,
        waiting_list=waiting_list,
    )
    return Message(sentence("retry_accepted", language))


@patch(
    "/{session_id:str}",
    request_max_body_size=DETAILS_BODY,
    operation_id="correct_session",
    summary="Correct a session's details",
    response_description="The session as it is now.",
    responses=problems(
        *OWN_SESSION,
        *LONG_JSON_BODY,
        "unknown_field",
        "date",
        "implausible_year",
        "timestamp",
        "too_late_to_change",
        *WRITES,
        field="patient.name",
    ),
)
async def correct(
    session_id: SessionId,
    data: JSONBody[Correction],
    actor: Caller,
    records: RecordsDependency,
    language: Language,
) -> SessionAnswer:
    """Correct patient, date, summary or notes; what is left out stays.

    For the session's therapist, until it is submitted. Corrections of different fields at the same moment
    all stay; of the same field, the last one. Sent again it changes nothing more.
    """
    await review.correct(
        actor,
        session_id,
        lambda before: _corrected(before, data, records.now().date()),
        records=records,
    )
    return await shown(actor, session_id, language, records=records)


@delete(
    "/{session_id:str}",
    status_code=204,
    operation_id="cancel_session",
    summary="Cancel a session",
    response_description="Cancelled.",
    responses=problems(*OWN_SESSION, "too_late_to_change", *WRITES, field="session_id"),
)
async def cancel(session_id: SessionId, actor: Caller, records: RecordsDependency) -> None:
    """Cancel a session before it is submitted; its recording and texts are erased.

    For the session's therapist. Sent again it is 204, or 404 once all is erased.
    """
    await review.cancel(actor, session_id, records=records)


@post(
    "/{session_id:str}/patient-link",
    status_code=200,
    opt=SHOWN_ANEW,
    operation_id="link_patient",
    summary="Confirm who the patient is",
    response_description="The session as it is now.",
    responses=problems(
        *OWN_SESSION,
        *JSON_BODY,
        "unknown_field",
        "no_such_patient",
        "wrong_state",
        *WRITES,
        field="patient_id",
    ),
)
async def link_patient(
    session_id: SessionId,
    data: JSONBody[LinkRequest],
    actor: Caller,
    *,
    is_repeated: IsRepeated,
    records: RecordsDependency,
    language: Language,
) -> SessionAnswer:
    """Confirm which account the session's patient is; that patient may then read it, once closed.

    For the session's therapist, in every state but a cancelled one. Sent again it changes nothing; with
    another number, the session is that account's instead. A number without its leading zeros must be that
    of an account with the patient's name.
    """
    if not is_repeated:
        number = data.patient_id.strip()
        await patient_links.link_patient(actor, session_id, number, records=records)
    return await shown(actor, session_id, language, records=records)


@delete(
    "/{session_id:str}/patient-link",
    status_code=204,
    operation_id="unlink_patient",
    summary="Undo who the patient is",
    response_description="No patient can read the session.",
    responses=problems(*OWN_SESSION, *WRITES, field="session_id"),
)
async def unlink_patient(session_id: SessionId, actor: Caller, records: RecordsDependency) -> None:
    """Undo the link to a patient's account, at once: that patient no longer sees the session anywhere.

    For the session's therapist, in every state. Nothing links the session again but `POST`: no correction of
    its details, no recording sent again. What the patient has read or stored before can't be taken back.
    Sent again, or without a link, it changes nothing.
    """
    await patient_links.unlink_patient(actor, session_id, records=records)


def _listed(entry: SessionEntry) -> ListedSession:
    return ListedSession(
        id=entry.session_id,
        state=entry.state,
        patient_id=entry.patient_number,
        patient_name=entry.patient_name,
        session_date=entry.date,
        title=entry.title,
        created_at=entry.created_at,
    )


def _corrected(details: Details, data: Correction, today: date) -> Details:
    """Put what was sent in the place of what is there.

    Raises:
        InvalidInput: names the field that is malformed.
    """
    if isinstance(data.patient, PersonIn):
        details = without_hint(details, BIRTHDAY_UNREAD)
        details = replace(details, patient=_patient(data.patient, today))
    if isinstance(data.session_date, str):
        details = without_hint(details, DATE_ASSUMED)
        day = parse_date(data.session_date, field="session_date", today=today)
        details = replace(details, date=day)
    if data.summary is not UNSET:
        details = replace(details, summary=data.summary or "")
    if data.timed_notes is not UNSET:
        details = without_hint(details, NOTE_TIME_UNREAD)
        details = replace(details, timed_notes=timed_notes(data.timed_notes or None))
    if data.general_notes is not UNSET:
        details = replace(details, general_notes=general_notes(data.general_notes or None))
    return details


def _patient(person: PersonIn, today: date) -> SessionPatient:
    for field, value in (("patient.id", person.id), ("patient.name", person.name)):
        if not value.strip():
            raise InvalidInput(field, "required")
    born = (person.date_of_birth or "").strip()
    return SessionPatient(
        number=person.id.strip(),
        name=person.name.strip(),
        email=(person.email or "").strip(),
        date_of_birth=parse_date(born, field="patient.date_of_birth", today=today)
        if born
        else None,
    )


def _router(handlers: Sequence[object]) -> Router:
    return Router("/sessions", route_handlers=list(handlers), tags=["sessions"])  # type: ignore[arg-type]  # handlers of several kinds


router = _router(
    [
        mobile_sessions.mine,
        mobile_sessions.search,
        mobile_sessions.details,
        session_upload.upload,
        session_recording.recording,
        session_recording.recording_link,
        session_playback.playback,
        session_playback.playback_link,
        session_playback.peaks,
        session_transcript.transcript,
        session_versions.listed,
        session_versions.one,
        version_differences.difference,
        session_submission.submit,
        session_amendments.amend,
        session_amendments.restore,
        session_rerun.rerun,
        session_events.follow_session,
        session_draft.draft,
        session_draft.save,
        session_draft.discard,
        draft_changes.speakers,
        draft_changes.replace,
        draft_changes.lines,
        list_sessions,
        one,
        retry,
        correct,
        cancel,
        link_patient,
        unlink_patient,
    ]
)
