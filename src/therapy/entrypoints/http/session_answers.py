"""The answer that shows one session: what /sessions/{id} and whatever changes a session answer with."""

import asyncio

from therapy.domain.access import Actor
from therapy.domain.messages import advice, sentence
from therapy.domain.people import has_all_digits
from therapy.domain.roles import to_assign
from therapy.domain.run_progress import RunProgress
from therapy.domain.session import (
    DATE_ASSUMED,
    NUMBER_COMPLETED,
    NUMBER_UNLIKELY,
    SPEAKERS_TO_ASSIGN,
)
from therapy.entrypoints.http.recording_measures import Heard
from therapy.entrypoints.http.session_details import NoteOut
from therapy.entrypoints.http.sessions_schemas import (
    Beside,
    Failure,
    Hint,
    PatientState,
    RecordingPart,
    SessionAnswer,
)
from therapy.repositories.records import Records
from therapy.workflows import missing_recordings, review
from therapy.workflows.review import SessionView


async def shown(actor: Actor, session_id: str, language: str, *, records: Records) -> SessionAnswer:
    """Look at a session and answer; in a thread, because measuring an hour's talk takes its time."""
    view = await review.look(actor, session_id, records=records)
    return await asyncio.to_thread(_answer, view, language)


def _answer(view: SessionView, language: str) -> SessionAnswer:
    session, progress = view.session, view.progress
    given, code = session.details, progress.failure
    failed = sentence(code, language, **progress.failure_details)
    return SessionAnswer(
        id=session.id,
        state=progress.state,
        stage=progress.stage,
        progress=progress.progress,
        attempt=progress.attempt,
        next_attempt_at=progress.next_attempt_at,
        failure=Failure(code, failed, advice(code, language)) if code else None,
        patient=_patient_state(view),
        session_date=given.date,
        session_date_assumed=DATE_ASSUMED in given.hints,
        hints=_hints(view, language),
        title=session.title,
        summary=given.summary,
        timed_notes=[NoteOut(each.timestamp, each.content) for each in given.timed_notes],
        general_notes=list(given.general_notes),
        recording_bytes=session.recording.size,
        recording_type=session.recording.media_type,
        recordings=[
            RecordingPart(number, each.size, each.media_type)
            for number, each in enumerate(session.recordings, 1)
        ],
        created_at=session.created_at,
        closed_at=session.closed_at,
        heard=Heard.of(view.transcript, language) if view.transcript else None,
        insights=view.insights.status,
        insights_failure=_insights_failure(view.insights.failure, language),
        playback=view.playback.status,
        playback_failure=_playback_failure(view.playback.failure, language),
        amendment=_run_progress(view.amendment, language),
        rerun=_run_progress(view.rerun, language),
    )


def _run_progress(run: RunProgress | None, language: str) -> Beside | None:
    if run is None:
        return None
    code = run.failure
    why = sentence(code, language, **run.failure_details)
    return Beside(
        state=run.state,
        version=run.version or None,
        stage=run.stage,
        progress=run.progress,
        attempt=run.attempt,
        next_attempt_at=run.next_attempt_at,
        failure=Failure(code, why, advice(code, language)) if code else None,
    )


def _insights_failure(code: str, language: str) -> Failure | None:
    """Return why there are no insights, in words of their own: the recording itself is all right."""
    why = "insights_timeout" if code == "timeout" else "insights_failed"
    return Failure(code, sentence(why, language), advice(why, language)) if code else None


def _playback_failure(code: str, language: str) -> Failure | None:
    """Return why there is no playback, in words of its own, unless the recording itself is missing."""
    why = code if code in {"playback_not_offered", missing_recordings.CODE} else "playback_failed"
    return Failure(code, sentence(why, language), advice(why, language)) if code else None


def _hints(view: SessionView, language: str) -> list[Hint]:
    patient, codes = view.session.details.patient, view.session.details.hints
    if view.account and view.account.number != patient.number:
        codes = (*codes, NUMBER_COMPLETED)
    if not view.account and not has_all_digits(patient.number):
        codes = (*codes, NUMBER_UNLIKELY)
    if view.transcript and to_assign(view.transcript):
        codes = (*codes, SPEAKERS_TO_ASSIGN)
    return [Hint(each, sentence(each, language), advice(each, language)) for each in codes]


def _patient_state(view: SessionView) -> PatientState:
    patient = view.session.details.patient
    return PatientState(
        id=patient.number,
        name=patient.name,
        email=patient.email,
        date_of_birth=patient.date_of_birth,
        link=patient.link,
        account_name=view.account.full_name if view.account else None,
    )
