"""/sessions as the app knows it: closed sessions found again."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from therapy.domain.listing import PREVIEW, Row
from therapy.domain.sentiment import NEUTRAL
from therapy.domain.transcript import Speaker, Utterance, format_timestamp
from therapy.entrypoints.http.given import AtDesk, Caller
from therapy.entrypoints.http.review import Before, SessionId
from therapy.entrypoints.http.wire import DetailsAnswer, NoteOut, ScoreOut, SessionItem, day, iso
from therapy.workflows import library
from therapy.workflows.library import ClosedSession


@get("/me")
async def mine(actor: Caller, desk: AtDesk, before: Before = "") -> list[SessionItem]:
    """List the caller's closed sessions, newest first, at most 500; `before` is the last id seen."""
    return [_item(row) for row in await library.closed_sessions(actor, before, desk=desk)]


@get("/search")
async def search(
    actor: Caller,
    desk: AtDesk,
    wanted: Annotated[str, QueryParameter(name="query", max_length=200)] = "",
    before: Before = "",
) -> list[SessionItem]:
    """Find the caller's closed sessions by a part of name, number, title, date, summary, or by words said."""
    return [_item(row) for row in await library.search(actor, wanted, before, desk=desk)]


@get("/{session_id:str}/details")
async def details(session_id: SessionId, actor: Caller, desk: AtDesk) -> DetailsAnswer:
    """Give a closed session in full, to its therapist and its linked patient."""
    return _details(await library.closed_session(actor, session_id, desk=desk))


def _item(row: Row) -> SessionItem:
    return SessionItem(
        id=row.session_id,
        patient_id=row.patient_number,
        patient_name=row.patient_name,
        therapist_id=row.therapist_id,
        therapist_name=row.therapist_name,
        title=row.title,
        date=iso(row.date) or "",
        description_preview=row.summary[:PREVIEW],
        positive=row.scores.positive,
        neutral=row.scores.neutral,
        negative=row.scores.negative,
    )


def _details(closed: ClosedSession) -> DetailsAnswer:
    session, given = closed.session, closed.session.details
    scores = session.scores or NEUTRAL
    born = given.patient.date_of_birth or (closed.patient.date_of_birth if closed.patient else None)
    notes = closed.with_notes
    return DetailsAnswer(
        session_id=session.id,
        therapist_name=session.therapist_name,
        therapist_email=session.therapist_email,
        patient_id=given.patient.number,
        patient_name=given.patient.name,
        patient_email=given.patient.email or (closed.patient.email if closed.patient else ""),
        patient_date_of_birth=day(born),
        session_date=day(given.date) or "",
        summary=given.summary,
        timed_notes=[NoteOut(each.timestamp, each.content) for each in given.timed_notes if notes],
        general_notes=list(given.general_notes) if notes else [],
        positive=scores.positive,
        neutral=scores.neutral,
        negative=scores.negative,
        sentiment_scores=[_score(each) for each in closed.transcript.utterances],
    )


def _score(utterance: Utterance) -> ScoreOut:
    scores = (
        utterance.scores if utterance.speaker is Speaker.PATIENT and utterance.scores else NEUTRAL
    )
    return ScoreOut(
        speaker=utterance.speaker.value,
        text=utterance.text,
        timestamp=format_timestamp(utterance.start_ms),
        positive=scores.positive,
        neutral=scores.neutral,
        negative=scores.negative,
    )
