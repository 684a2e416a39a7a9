"""/sessions beyond the app: every session's state, and what its therapist can do about it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Router, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from therapy.domain import insights
from therapy.domain.access import Actor
from therapy.domain.errors import InvalidInput
from therapy.domain.insights import Part, PersonalDetail
from therapy.domain.listing import Row
from therapy.domain.scoring import curve_of, session_scores
from therapy.domain.sentiment import CurvePoint, Scores
from therapy.domain.session import Details, SessionPatient, parse_date, parse_languages
from therapy.domain.status import ApiState
from therapy.domain.talk import Talk, Voice, talk_of, voices_of
from therapy.domain.texts import advice, sentence
from therapy.domain.transcript import Version
from therapy.entrypoints.http import playback, sessions, upload
from therapy.entrypoints.http.bodies import decoded, json_body
from therapy.entrypoints.http.given import AtDesk, Caller, Language
from therapy.entrypoints.http.review import Before, SessionId
from therapy.entrypoints.http.wire import (
    MOST_NOTES,
    Message,
    NoteIn,
    NoteOut,
    PersonIn,
    RetryRequest,
    Short,
    Text,
    day,
    general_notes,
    timed_notes,
)
from therapy.workflows import library, review
from therapy.workflows.desk import Desk
from therapy.workflows.review import SessionView

PAGE = 100
"""Sessions on one page of the list."""


class ListedSession(Struct):
    id: str
    state: ApiState
    patient_id: str
    patient_name: str
    session_date: str
    title: str
    created_at: datetime


class SessionList(Struct):
    """One page; `next` is what to send as `before` for the next one, null on the last."""

    sessions: list[ListedSession]
    next: str | None


class Failure(Struct):
    """Why a session failed, and what can be done about it."""

    code: str
    reason: str
    advice: str


class PatientState(Struct):
    """The patient as typed, whether that is an account, and that account's name to compare."""

    id: str
    name: str
    email: str
    date_of_birth: str | None
    link: str
    account_name: str | None


class Sentiment(Struct):
    """The patient's speech as a whole and over time; `not_available_for` names a language, "" = none."""

    scores: Scores
    curve: tuple[CurvePoint, ...]
    not_available_for: str


class InsightGap(Struct):
    """A part that is not there, and why."""

    part: Part
    code: str
    reason: str


class Insights(Struct):
    """What a machine found beside the words: a help, never a fact; `summary_draft` is a draft.

    `personal_details` are places in the lines of this version: `length` characters from `start` on.
    """

    key_phrases: tuple[str, ...]
    personal_details: tuple[PersonalDetail, ...]
    summary_draft: str
    gaps: list[InsightGap]
    engine: str


class Heard(Struct):
    """What was heard; times in milliseconds, confidence 0..1."""

    version: int
    engine: str
    language: str
    duration_ms: int
    role_confidence: float
    role_reasons: tuple[str, ...]
    voices: tuple[Voice, ...]
    talk: Talk
    sentiment: Sentiment
    insights: Insights | None


class SessionAnswer(Struct):
    id: str
    state: ApiState
    stage: str
    progress: float
    attempt: int
    next_attempt_at: datetime | None
    failure: Failure | None
    patient: PatientState
    session_date: str
    title: str
    summary: str
    timed_notes: list[NoteOut]
    general_notes: list[str]
    recording_bytes: int
    recording_type: str
    created_at: datetime
    closed_at: datetime | None
    heard: Heard | None


class Correction(Struct):
    """What to change; what is left out stays."""

    patient: PersonIn | UnsetType = UNSET
    session_date: Annotated[str, Meta(max_length=32)] | UnsetType = UNSET
    summary: Text | UnsetType | None = UNSET
    timed_notes: Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)] | UnsetType | None = (
        UNSET
    )
    general_notes: (
        Annotated[list[NoteIn | Text], Meta(max_length=MOST_NOTES)] | UnsetType | None
    ) = UNSET


class LinkRequest(Struct):
    """The nine-digit number of the account that the session's patient is."""

    patient_id: Short


@get("/")
async def list_sessions(
    actor: Caller,
    desk: AtDesk,
    states: Annotated[list[ApiState] | None, QueryParameter(name="state", max_items=16)] = None,
    before: Before = "",
) -> SessionList:
    """List the caller's sessions in these states (all, if none is named), newest first, 100 a page."""
    rows = await library.inbox(actor, set(states or ApiState), before, PAGE + 1, desk=desk)
    page = rows[:PAGE]
    return SessionList(
        [_listed(row) for row in page], page[-1].session_id if len(rows) > PAGE else None
    )


@get("/{session_id:str}")
async def one(
    session_id: SessionId, actor: Caller, desk: AtDesk, language: Language
) -> SessionAnswer:
    """Give a session's state: how far it is, why it failed and what to do, who spoke how much."""
    return await _shown(actor, session_id, language, desk=desk)


@post(
    "/{session_id:str}/retry",
    status_code=202,
    operation_class=json_body(RetryRequest, required=False),
)
async def retry(
    request: Request[Any, Any, Any],
    session_id: SessionId,
    actor: Caller,
    desk: AtDesk,
    language: Language,
) -> Message:
    """Have a failed session worked on again, in other languages if the body names some."""
    body = await request.body()
    asked = decoded(body, RetryRequest) if body else RetryRequest()
    languages = parse_languages(asked.languages, field="languages")
    await review.retry(actor, session_id, languages=languages, desk=desk)
    return Message(sentence("retry_accepted", language))


@patch("/{session_id:str}")
async def correct(
    session_id: SessionId,
    data: JSONBody[Correction],
    actor: Caller,
    desk: AtDesk,
    language: Language,
) -> SessionAnswer:
    """Correct patient, date, summary or notes, before the session is handed in."""
    await review.correct(actor, session_id, lambda before: _corrected(before, data), desk=desk)
    return await _shown(actor, session_id, language, desk=desk)


@delete("/{session_id:str}", status_code=204)
async def cancel(session_id: SessionId, actor: Caller, desk: AtDesk) -> None:
    """Cancel a session before it is handed in; its recording and texts are erased."""
    await review.cancel(actor, session_id, desk=desk)


@post("/{session_id:str}/patient-link", status_code=200)
async def link_patient(
    session_id: SessionId,
    data: JSONBody[LinkRequest],
    actor: Caller,
    desk: AtDesk,
    language: Language,
) -> SessionAnswer:
    """Confirm which account the session's patient is; that patient may then read it, once closed."""
    await review.link_patient(actor, session_id, data.patient_id.strip(), desk=desk)
    return await _shown(actor, session_id, language, desk=desk)


def _listed(row: Row) -> ListedSession:
    return ListedSession(
        id=row.session_id,
        state=row.state,
        patient_id=row.patient_number,
        patient_name=row.patient_name,
        session_date=day(row.date) or "",
        title=row.title,
        created_at=row.created_at,
    )


def _corrected(details: Details, data: Correction) -> Details:
    """Put what was sent in the place of what is there.

    Raises:
        InvalidInput: names the field that is malformed.
    """
    if isinstance(data.patient, PersonIn):
        details = replace(details, patient=_patient(data.patient))
    if isinstance(data.session_date, str):
        details = replace(details, date=parse_date(data.session_date, field="session_date"))
    if data.summary is not UNSET:
        details = replace(details, summary=data.summary or "")
    if data.timed_notes is not UNSET:
        details = replace(details, timed_notes=timed_notes(data.timed_notes or None))
    if data.general_notes is not UNSET:
        details = replace(details, general_notes=general_notes(data.general_notes or None))
    return details


def _patient(person: PersonIn) -> SessionPatient:
    for field, value in (("patient.id", person.id), ("patient.name", person.name)):
        if not value.strip():
            raise InvalidInput(field, "required")
    born = (person.date_of_birth or "").strip()
    return SessionPatient(
        number=person.id.strip(),
        name=person.name.strip(),
        email=(person.email or "").strip(),
        date_of_birth=parse_date(born, field="patient.date_of_birth") if born else None,
    )


async def _shown(actor: Actor, session_id: str, language: str, *, desk: Desk) -> SessionAnswer:
    """Look at a session and answer; in a thread, because measuring an hour's talk takes its time."""
    view = await review.look(actor, session_id, desk=desk)
    return await asyncio.to_thread(_answer, view, language)


def _answer(view: SessionView, language: str) -> SessionAnswer:
    session, status = view.session, view.status
    given, code = session.details, status.failure
    return SessionAnswer(
        id=session.id,
        state=status.state,
        stage=status.stage,
        progress=status.progress,
        attempt=status.attempt,
        next_attempt_at=status.next_attempt_at,
        failure=Failure(code, sentence(code, language), advice(code, language)) if code else None,
        patient=_patient_state(view),
        session_date=day(given.date) or "",
        title=session.title,
        summary=given.summary,
        timed_notes=[NoteOut(each.timestamp, each.content) for each in given.timed_notes],
        general_notes=list(given.general_notes),
        recording_bytes=session.recording.size,
        recording_type=session.recording.media_type,
        created_at=session.created_at,
        closed_at=session.closed_at,
        heard=_heard(view.transcript, language) if view.transcript else None,
    )


def _patient_state(view: SessionView) -> PatientState:
    patient = view.session.details.patient
    return PatientState(
        id=patient.number,
        name=patient.name,
        email=patient.email,
        date_of_birth=day(patient.date_of_birth),
        link=patient.link.value,
        account_name=view.account.full_name if view.account else None,
    )


def _heard(version: Version, language: str) -> Heard:
    return Heard(
        version=version.number,
        engine=version.engine,
        language=version.language,
        duration_ms=version.duration_ms,
        role_confidence=version.role_confidence,
        role_reasons=version.role_reasons,
        voices=voices_of(version.utterances),
        talk=talk_of(version.utterances, version.duration_ms),
        sentiment=Sentiment(session_scores(version), curve_of(version), version.sentiment_gap),
        insights=_insights(version.insights, language) if version.insights else None,
    )


def _insights(found: insights.Insights, language: str) -> Insights:
    return Insights(
        key_phrases=found.key_phrases,
        personal_details=found.personal_details,
        summary_draft=found.summary_draft,
        gaps=[InsightGap(gap.part, gap.code, sentence(gap.code, language)) for gap in found.gaps],
        engine=found.engine,
    )


def _router(handlers: Sequence[object]) -> Router:
    return Router("/sessions", route_handlers=list(handlers), tags=["sessions"])  # type: ignore[arg-type]  # handlers of several kinds


router = _router(
    [
        sessions.mine,
        sessions.search,
        sessions.details,
        upload.upload,
        playback.recording,
        playback.recording_link,
        list_sessions,
        one,
        retry,
        correct,
        cancel,
        link_patient,
    ]
)
