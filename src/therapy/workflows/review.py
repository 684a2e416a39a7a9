"""What a therapist does with a session: watch it, correct it, review it, hand it in, cancel it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import ErrorClass, InvalidInput, LeaseLost, NotFound, Stale, WrongState
from therapy.domain.outbox import EntryChanged, EraseDue, RunDue
from therapy.domain.people import Person, Role
from therapy.domain.run import Run, RunKind, RunState, again, failed
from therapy.domain.session import (
    Details,
    Event,
    Session,
    State,
    apply,
    confirmed,
    linked,
    title_of,
)
from therapy.domain.session_status import SessionProgress, progress_of
from therapy.domain.transcript import Line, TranscriptVersion, corrected, same_lines
from therapy.ports.recordings import SupportsPlaybackLink
from therapy.ports.sessions import Change
from therapy.workflows.desk import Desk
from therapy.workflows.outbox_relay import commit

PLAYBACK = timedelta(minutes=10)
"""How long a link to a recording lives."""


class SessionView(Struct, frozen=True):
    """A session with how far it is, its transcript if there is one, and an account it may be linked to."""

    session: Session
    progress: SessionProgress
    transcript: TranscriptVersion | None
    account: Person | None


async def look(actor: Actor, session_id: str, *, desk: Desk) -> SessionView:
    """Give everything about a session to its therapist."""
    session = await _mine(actor, session_id, desk=desk)
    runs = await desk.runs.of_session(actor.practice_id, session_id)
    transcript = None
    if session.transcript_number:
        transcript = await desk.sessions.transcript(
            actor.practice_id, session_id, session.transcript_number
        )
    account = await _account(session, session.details.patient.number, desk=desk)
    return SessionView(session, progress_of(session, runs), transcript, account)


async def playback_link(actor: Actor, session_id: str, *, desk: Desk) -> tuple[str, datetime]:
    """Give its therapist a link that plays a session's recording, and when it stops to do so.

    Raises:
        NotFound: no such session; or, as `not_offered`, recordings are kept where no links are made.
    """
    session = await _mine(actor, session_id, desk=desk)
    if not isinstance(desk.recordings, SupportsPlaybackLink):
        raise NotFound("not_offered")
    ends = desk.now() + PLAYBACK
    key = session.recording.key
    return await desk.recordings.playback_link(actor.practice_id, key, PLAYBACK), ends


async def for_review(
    actor: Actor, session_id: str, *, desk: Desk
) -> tuple[Session, TranscriptVersion]:
    """Give a session that awaits review, and its transcript.

    Raises:
        WrongState: it does not await review.
    """
    session = await _mine(actor, session_id, desk=desk)
    if session.state is not State.AWAITING_REVIEW:
        raise WrongState("not_awaiting_review", state=session.state.value)
    version = await desk.sessions.transcript(
        actor.practice_id, session_id, session.transcript_number
    )
    return session, version


async def submit(actor: Actor, session_id: str, lines: Sequence[Line], *, desk: Desk) -> None:
    """Hand the reviewed transcript in: a new version, then the session is closed by a worker.

    The same lines sent again, after an answer got lost, are accepted again.

    Raises:
        InvalidInput: no lines although there was speech, or a line without text or timestamp.
        WrongState: it does not await review.
    """
    while True:
        session = await _mine(actor, session_id, desk=desk)
        if session.state is State.AWAITING_REVIEW:
            try:
                return await _hand_in(actor, session, lines, desk=desk)
            except Stale:  # e.g. the details were corrected at the same moment
                continue
        if session.state in {State.CLOSING, State.CLOSED} and await _sent_again(
            session, lines, desk=desk
        ):
            return None
        raise WrongState("not_awaiting_review", state=session.state.value)


async def _hand_in(actor: Actor, session: Session, lines: Sequence[Line], *, desk: Desk) -> None:
    now = desk.now()
    parent = await desk.sessions.transcript(
        session.practice_id, session.id, session.transcript_number
    )
    version = corrected(parent, lines, at=now, author_id=actor.person_id)
    run = Run(
        id=desk.new_id(),
        practice_id=session.practice_id,
        session_id=session.id,
        kind=RunKind.SCORE,
        created_at=now,
        due_at=now,
        languages=session.languages,
    )
    after = replace(apply(session, Event.SUBMITTED), transcript_number=version.number)
    change = Change(session=after, transcript=version, runs=(run,))
    await commit(session.practice_id, session.id, change, EntryChanged(), RunDue(), desk=desk)


async def _sent_again(session: Session, lines: Sequence[Line], *, desk: Desk) -> bool:
    version = await desk.sessions.transcript(
        session.practice_id, session.id, session.transcript_number
    )
    try:
        parent = await desk.sessions.transcript(session.practice_id, session.id, version.parent)
    except NotFound:
        return False
    return same_lines(parent, version, lines)


async def retry(
    actor: Actor, session_id: str, *, languages: tuple[str, ...] = (), desk: Desk
) -> None:
    """Have a failed session worked on again, from the beginning of what failed.

    `languages` is what to recognise then, if it is not what was tried; what is only scored again
    has been recognised already.

    Raises:
        WrongState: it has not failed.
    """
    while True:
        session = await _mine(actor, session_id, desk=desk)
        runs = await desk.runs.of_session(actor.practice_id, session_id)
        kind = RunKind.SCORE if session.state is State.CLOSING else RunKind.TRANSCRIBE
        ended = (each for each in runs if each.kind is kind and each.state is RunState.FAILED)
        run = next(ended, None)
        if run is None or session.state not in {State.CLOSING, State.AWAITING_TRANSCRIPT}:
            raise WrongState("not_failed", state=session.state.value)
        spoken = languages if kind is RunKind.TRANSCRIBE else ()
        change = Change(
            session=replace(session, languages=spoken) if spoken else None,
            runs=(again(run, now=desk.now(), languages=spoken),),
        )
        try:
            await commit(actor.practice_id, session_id, change, EntryChanged(), RunDue(), desk=desk)
        except Stale:  # the details were corrected at the same moment
            continue
        return


async def correct(
    actor: Actor, session_id: str, change: Callable[[Details], Details], *, desk: Desk
) -> Session:
    """Change what the therapist said about a session, before it is handed in.

    `change` gets the details as they are and is asked again if somebody else wrote meanwhile, so
    that two corrections of different fields both stay.

    Raises:
        WrongState: it was handed in or cancelled.
    """
    while True:
        session = await _mine(actor, session_id, desk=desk)
        if session.state not in {State.AWAITING_TRANSCRIPT, State.AWAITING_REVIEW}:
            raise WrongState("too_late_to_change", state=session.state.value)
        before, details = session.details, change(session.details)
        if details.patient != before.patient:
            account = await _account(session, details.patient.number, desk=desk)
            details = replace(details, patient=linked(details.patient, account))
        title = session.title
        if details.date != before.date:
            practice = await desk.people.practice(actor.practice_id)
            title = title_of(details.date, practice.language)
        after = apply(replace(session, details=details, title=title), Event.DETAILS_CORRECTED)
        try:
            await commit(
                actor.practice_id, session_id, Change(session=after), EntryChanged(), desk=desk
            )
        except Stale:
            continue
        return after


async def link_patient(actor: Actor, session_id: str, number: str, *, desk: Desk) -> Session:
    """Confirm that the session's patient is the account with this number: they may read it, once closed.

    Raises:
        InvalidInput: no patient's account has that number.
        WrongState: the session was cancelled.
    """
    while True:
        session = await _mine(actor, session_id, desk=desk)
        account = await _account(session, number, desk=desk)
        if account is None:
            raise InvalidInput("patient_id", "no_such_patient")
        after = confirmed(session, account)
        try:
            await commit(
                actor.practice_id, session_id, Change(session=after), EntryChanged(), desk=desk
            )
        except Stale:  # e.g. the transcript was written at the same moment
            continue
        return after


async def cancel(actor: Actor, session_id: str, *, desk: Desk) -> None:
    """Cancel a session that is not handed in: its recording and its texts are erased.

    Raises:
        WrongState: it was handed in.
    """
    while True:
        session = await _mine(actor, session_id, desk=desk)
        if session.state is State.CANCELLED:
            return
        if session.state not in {State.AWAITING_TRANSCRIPT, State.AWAITING_REVIEW}:
            raise WrongState("too_late_to_change", state=session.state.value)
        now = desk.now()
        stopped = tuple(
            failed(run, error_class=ErrorClass.PERMANENT, code="cancelled", now=now)
            for run in await desk.runs.of_session(actor.practice_id, session_id)
            if not run.over
        )
        change = Change(session=apply(session, Event.CANCELLED), runs=stopped)
        try:
            await commit(
                actor.practice_id, session_id, change, EntryChanged(), EraseDue(), desk=desk
            )
        except (Stale, LeaseLost):  # a worker beat or finished at the same moment
            continue
        return


async def _mine(actor: Actor, session_id: str, *, desk: Desk) -> Session:
    session = await desk.sessions.load(actor.practice_id, session_id)
    require(actor, Action.REVIEW, session)
    return session


async def _account(session: Session, number: str, *, desk: Desk) -> Person | None:
    try:
        account = await desk.people.by_number(session.practice_id, number)
    except NotFound:
        return None
    return account if account.role is Role.PATIENT else None
