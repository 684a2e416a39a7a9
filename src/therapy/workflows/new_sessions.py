"""A received recording becomes a session, or is found to be one already."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from therapy.domain.access import Actor
from therapy.domain.errors import AlreadyExists, LeaseLost, NotFound, Stale, WrongState
from therapy.domain.outbox import RunDue, SessionEntryChanged
from therapy.domain.people import Person
from therapy.domain.session import (
    CANCELLED_OR_ERASED,
    Details,
    Recording,
    Session,
    linked,
    same_details,
    title_of,
)
from therapy.domain.session_status import SessionStatus, progress_of
from therapy.ports.recordings import Recordings
from therapy.repositories.change import Change
from therapy.repositories.records import Records
from therapy.repositories.unique_keys import UniqueKey
from therapy.workflows import review
from therapy.workflows.continued_sessions import first_run
from therapy.workflows.fingerprints import fingerprint, has_recording, taken_key
from therapy.workflows.missing_recordings import with_its_recording
from therapy.workflows.retry_stale import MOST_RACES
from therapy.workflows.waiting_list import WaitingList


class Spoken(Struct, frozen=True):
    """What an upload says of the speech: its languages (none = not said), how many speak (0 = not said)."""

    languages: tuple[str, ...]
    people: int


class Receipt(Struct, frozen=True):
    """What a recording became: a new session, or the one that it already is."""

    session_id: str
    new: bool


async def become_session(
    actor: Actor,
    person: Person,
    details: Details,
    recording: Recording,
    spoken: Spoken,
    *,
    usual: Spoken,
    note: Callable[..., Awaitable[None]],
    records: Records,
    recordings: Recordings,
    waiting_list: WaitingList,
) -> Receipt:
    """Take the recording's fingerprint and write the session under the id that is its value.

    A fingerprint without a session was left by a writer that died: its id is used. `usual` is what holds
    where nothing is `spoken` of; `note` keeps the session's id in the upload before the session is written.

    Raises:
        AlreadyExists: the recording is a session with other details; says which one.
        Stale: the upload has changed since it was noted last, or too many races were lost.
    """
    practice_id, new = person.practice_id, records.new_id()
    key = fingerprint(person.id, recording.content_hash)
    chosen = Spoken(spoken.languages or usual.languages, spoken.people or usual.people)
    for races in range(MOST_RACES):
        taken = await taken_key(UniqueKey(practice_id, key, new), records=records)
        if races == 0 and taken.value == new:  # nobody else could know this id
            existing = None
            await note(session_id=new)
        else:
            existing, _ = await asyncio.gather(
                _session_if_any(practice_id, taken.value, records=records),
                note(session_id=taken.value),
            )
        if existing is None:
            session = await _new_session(
                taken.value, person, details, recording, chosen, records=records
            )
            try:
                await _begin(session, records=records, waiting_list=waiting_list)
            except Stale:  # the same recording arrived twice at once; this one lost
                continue
            return Receipt(taken.value, new=True)
        known = has_recording(existing, recording.content_hash)
        if known and existing.state not in CANCELLED_OR_ERASED:
            if not same_details(existing.details, details):
                raise AlreadyExists("duplicate_recording", session=existing.id)
            try:
                existing = await with_its_recording(
                    existing, recording, records=records, recordings=recordings
                )
            except Stale:
                continue
            return await _seen_before(
                actor, existing, spoken, records=records, waiting_list=waiting_list
            )
        with suppress(Stale):  # someone else has handed it over
            handed = records.unique_keys.hand_over(taken, new)
            await Change(handed).commit(records.store)
    raise Stale(session=new)


async def _session_if_any(practice_id: str, session_id: str, *, records: Records) -> Session | None:
    try:
        return await records.sessions.load(practice_id, session_id)
    except NotFound:
        return None


async def _new_session(
    session_id: str,
    person: Person,
    details: Details,
    recording: Recording,
    spoken: Spoken,
    *,
    records: Records,
) -> Session:
    practice, account = await asyncio.gather(
        records.practices.load(person.practice_id),
        review.patient_account(person.practice_id, details.patient.number, records=records),
    )
    return Session(
        id=session_id,
        practice_id=person.practice_id,
        therapist_id=person.id,
        therapist_name=person.full_name,
        therapist_email=person.email,
        details=replace(details, patient=linked(details.patient, account)),
        recording=recording,
        created_at=records.now(),
        languages=spoken.languages,
        people=spoken.people,
        title=title_of(details.date, practice.language),
        demo=person.demo,
    )


async def _begin(session: Session, *, records: Records, waiting_list: WaitingList) -> None:
    """Write a session with its first run."""
    place = await waiting_list.place(session)
    run = first_run(session, place, records=records)
    change = Change(records.sessions.write(session), records.runs.write(run))
    follows = SessionEntryChanged(session.id), RunDue(session.id)
    await records.commit(session.practice_id, change, *follows)


async def _seen_before(
    actor: Actor,
    existing: Session,
    spoken: Spoken,
    *,
    records: Records,
    waiting_list: WaitingList,
) -> Receipt:
    """Return the receipt of a recording that is a session already; retry that if it has failed."""
    runs = await records.runs.of_session(existing.practice_id, existing.id)
    if progress_of(existing, runs).state is SessionStatus.FAILED:
        with suppress(WrongState, LeaseLost):  # someone else has retried it
            await review.retry(
                actor,
                existing.id,
                languages=spoken.languages,
                people=spoken.people,
                records=records,
                waiting_list=waiting_list,
            )
    return Receipt(existing.id, new=False)
