"""Continued sessions: one more recording of a session that is not submitted yet.

Whoever changes a session's recordings also makes its transcription due again, in the same commit: a worker
that is at it loses its lease, so that no transcript of only some of them is ever written.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.audio_findings import next_start
from therapy.domain.errors import (
    AlreadyExists,
    InvalidInput,
    LeaseLost,
    NotFound,
    WrongState,
)
from therapy.domain.outbox import RunDue, SessionEntryChanged
from therapy.domain.people import full_number
from therapy.domain.run import Run, RunKind, RunState, again
from therapy.domain.session import (
    CANCELLED_OR_ERASED,
    MOST_RECORDINGS,
    Details,
    Recording,
    Session,
    State,
    with_recording,
)
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.repositories.unique_keys import UniqueKey
from therapy.workflows import review
from therapy.workflows.fingerprints import fingerprint, has_recording, taken_key
from therapy.workflows.missing_recordings import with_its_recording
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.waiting_list import WaitingList

OPEN = {State.AWAITING_TRANSCRIPT, State.AWAITING_REVIEW}


async def continue_session(
    actor: Actor,
    session_id: str,
    recording: Recording,
    details: Details,
    *,
    note: Callable[..., Awaitable[None]],
    records: Records,
    recordings: Recordings,
    waiting_list: WaitingList,
) -> bool:
    """Add a kept recording to a session, which is then transcribed as a whole; return False if it has it.

    If its own copy of it is missing, it has this one then. `details` name the same patient; their notes are
    added. `note` writes to the upload's record which session the recording becomes part of.

    Raises:
        NotFound: there is no such session, or it is someone else's.
        WrongState: it was submitted or cancelled, or has MOST_RECORDINGS recordings.
        InvalidInput: the metadata names another patient than the session.
        AlreadyExists: the recording is part of another session; says which one.
    """
    session = await continued_by(actor, session_id, details, records=records)
    if not has_recording(session, recording.content_hash):
        _check_open(session)
        await _take_fingerprint(session, recording, records=records)
    await note(session_id=session_id)

    async def attempt() -> bool:
        return await _add(
            actor,
            session_id,
            recording,
            details,
            records=records,
            recordings=recordings,
            waiting_list=waiting_list,
        )

    # LeaseLost: a worker renewed or ended its run at the same moment.
    return await retry_stale(attempt, LeaseLost)


async def continued_by(
    actor: Actor, session_id: str, details: Details, *, records: Records
) -> Session:
    """Return the session that a recording with these details continues: it can be asked before it is sent.

    Raises:
        NotFound: with code `no_session_to_continue`, there is no such session, or it is someone else's.
        InvalidInput: the details name another patient than the session.
    """
    session = await _own_session(actor, session_id, records=records)
    named, known = details.patient.number, session.details.patient.number
    if (full_number(named) or named) != (full_number(known) or known):
        raise InvalidInput("patient.id", "other_patient")
    return session


async def length_left(
    actor: Actor, session_id: str, content_hash: str, longest_ms: int, *, records: Records
) -> int:
    """Return how long the recording may be that continues a session, in milliseconds.

    That is the limit for the whole session less what its transcript covers. What is not transcribed yet, or
    is part of the session already, is left for the transcription to count.

    Raises:
        NotFound: with code `no_session_to_continue`, there is no such session, or it is someone else's.
    """
    session = await _own_session(actor, session_id, records=records)
    number = session.transcript_number
    if not number or has_recording(session, content_hash):
        return longest_ms
    version = await records.transcripts.load(session.practice_id, session.id, number)
    return max(0, longest_ms - next_start(version.duration_ms))


async def _own_session(actor: Actor, session_id: str, *, records: Records) -> Session:
    try:
        return await review.own_session(actor, session_id, records=records)
    except NotFound:
        raise NotFound("no_session_to_continue") from None


def _check_open(session: Session) -> None:
    if session.state not in OPEN:
        raise WrongState("too_late_to_continue", state=session.state.value)
    if len(session.recordings) >= MOST_RECORDINGS:
        raise WrongState("too_many_recordings", state=session.state.value)


async def _take_fingerprint(session: Session, recording: Recording, *, records: Records) -> None:
    """Take the recording's fingerprint for the session, unless it is part of another one."""
    practice_id = session.practice_id
    key = fingerprint(session.therapist_id, recording.content_hash)

    async def attempt() -> None:
        taken = await taken_key(UniqueKey(practice_id, key, session.id), records=records)
        if taken.value == session.id:
            return
        with suppress(NotFound):
            other = await records.sessions.load(practice_id, taken.value)
            gone = other.state in CANCELLED_OR_ERASED
            if not gone and has_recording(other, recording.content_hash):
                raise AlreadyExists("duplicate_recording", session=other.id)
        handed = records.unique_keys.hand_over(taken, session.id)
        await Change(handed).commit(records.store)

    await retry_stale(attempt)


async def _add(
    actor: Actor,
    session_id: str,
    recording: Recording,
    details: Details,
    *,
    records: Records,
    recordings: Recordings,
    waiting_list: WaitingList,
) -> bool:
    session = await review.own_session(actor, session_id, records=records)
    runs = await records.runs.of_session(session.practice_id, session_id)
    transcribing = [run for run in runs if run.kind is RunKind.TRANSCRIBE]
    last = transcribing[-1] if transcribing else None
    if has_recording(session, recording.content_hash):
        if session.state not in CANCELLED_OR_ERASED:
            session = await with_its_recording(
                session, recording, records=records, recordings=recordings
            )
        if last and last.state is RunState.FAILED and session.state is State.AWAITING_TRANSCRIPT:
            with suppress(WrongState):
                await review.retry(actor, session_id, records=records, waiting_list=waiting_list)
        return False
    _check_open(session)
    after = with_recording(session, recording, details)
    place = last.due_at if last and last.waits else await waiting_list.place(after)
    run = again(last, place=place) if last else first_run(session, place, records=records)
    change = Change(records.sessions.write(after), records.runs.write(run))
    follows = SessionEntryChanged(session_id), RunDue(session_id)
    await records.commit(session.practice_id, change, *follows)
    return True


def first_run(session: Session, place: datetime, *, records: Records) -> Run:
    """Return the run that transcribes a session which had none yet: a new one, or an invented one."""
    run = records.new_run(session, RunKind.TRANSCRIBE)
    return replace(run, due_at=place, languages=session.languages, people=session.people)
