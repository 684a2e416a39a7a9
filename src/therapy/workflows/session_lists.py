"""Session lists: lists of sessions, the search in them, and a closed session in full."""

from collections.abc import Collection
from contextlib import suppress

from msgspec import Struct

from therapy.domain.access import Action, Actor, require
from therapy.domain.errors import InvalidInput, NotFound
from therapy.domain.people import PatientSees, Person, Role
from therapy.domain.session import Session, State
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import fold
from therapy.domain.transcript import TranscriptVersion
from therapy.ports.session_index import SessionIndex
from therapy.repositories.records import Records
from therapy.workflows.searches import Searches


class ClosedSession(Struct, frozen=True):
    """A closed session as one reader may see it; `with_notes` is False if the notes are withheld."""

    session: Session
    transcript: TranscriptVersion
    patient: Person | None
    with_notes: bool


async def closed_sessions(
    actor: Actor, before: str = "", *, records: Records, session_index: SessionIndex
) -> tuple[SessionEntry, ...]:
    """Return the therapist's or the patient's closed sessions, newest first, at most 500.

    `before` is the id of the last session on the previous page.

    Raises:
        InvalidInput: `before` is not a session of theirs.
    """
    key = await _sort_key(actor, before, session_index=session_index)
    if actor.role is Role.THERAPIST:
        return await session_index.of_therapist(
            actor.practice_id, actor.person_id, {SessionStatus.CLOSED}, key, MOST_ENTRIES
        )
    return await _of_patient(actor, key, records=records, session_index=session_index)


async def _of_patient(
    actor: Actor, key: str, *, records: Records, session_index: SessionIndex
) -> tuple[SessionEntry, ...]:
    """Return a patient's list, without what it still shows of sessions whose link was undone.

    What is withheld is read after the list, so that nothing that is withheld meanwhile is shown.
    """
    practice_id, person_id = actor.practice_id, actor.person_id
    entries = await session_index.of_patient(practice_id, person_id, key, MOST_ENTRIES)
    if not entries:
        return ()
    practice, former = await records.former_sessions.load_with_practice(practice_id, person_id)
    if practice.patient_sees is PatientSees.NOTHING:
        return ()
    return tuple(each for each in entries if not former.has(each))


async def search(
    actor: Actor,
    query: str,
    before: str = "",
    *,
    session_index: SessionIndex,
    searches: Searches,
) -> tuple[SessionEntry, ...]:
    """Return the therapist's closed sessions that the query finds, newest first, at most 500.

    Raises:
        Forbidden: the actor is a patient.
        InvalidInput: `before` is not a session of theirs.
        TooMuchAtOnce, Unavailable: as `Searches.run`.
    """
    require(actor, Action.FIND_PATIENTS)
    key = await _sort_key(actor, before, session_index=session_index)
    if not fold(query):
        return ()

    async def search_index() -> tuple[SessionEntry, ...]:
        practice_id, person_id = actor.practice_id, actor.person_id
        return await session_index.search(practice_id, person_id, query, key, MOST_ENTRIES)

    return await searches.run(actor, search_index)


async def inbox(
    actor: Actor,
    states: Collection[SessionStatus],
    before: str = "",
    limit: int = MOST_ENTRIES,
    *,
    session_index: SessionIndex,
) -> tuple[SessionEntry, ...]:
    """Return the therapist's sessions in these states, newest first.

    Raises:
        Forbidden: the actor is a patient.
        InvalidInput: `before` is not a session of theirs.
    """
    require(actor, Action.SEE_INBOX)
    key = await _sort_key(actor, before, session_index=session_index)
    return await session_index.of_therapist(actor.practice_id, actor.person_id, states, key, limit)


async def closed_session(actor: Actor, session_id: str, *, records: Records) -> ClosedSession:
    """Return a closed session, to its therapist or its linked patient only.

    Raises:
        NotFound: it is absent, not closed yet, or not theirs: always the same answer.
    """
    practice, patient = None, None
    if actor.role is Role.PATIENT:  # what patients see is the practice's setting; read for any id
        patient, practice = await records.people.load_with_practice(
            actor.practice_id, actor.person_id
        )

    async def look() -> Session:
        session = await records.sessions.load(actor.practice_id, session_id)
        require(actor, Action.READ_CLOSED, session, practice)
        if session.state is not State.CLOSED:
            raise NotFound(session=session_id)
        return session

    session = await records.late_reads.twice(actor.person_id, look)
    number = session.transcript_number
    transcript = await records.transcripts.load(actor.practice_id, session_id, number)
    linked = await _linked_patient(session, patient, records=records)
    withheld = practice is not None and practice.patient_sees is PatientSees.WITHOUT_NOTES
    return ClosedSession(session, transcript, linked, with_notes=not withheld)


async def _linked_patient(
    session: Session, reader: Person | None, *, records: Records
) -> Person | None:
    """Return the account that a session is linked to, which may be its reader's; None if there is none."""
    person_id = session.details.patient.person_id
    if not person_id or (reader and reader.id == person_id):
        return reader if person_id else None
    with suppress(NotFound):  # the account was removed at the moment at which it was linked
        return await records.people.load(session.practice_id, person_id)
    return None


async def _sort_key(actor: Actor, before: str, *, session_index: SessionIndex) -> str:
    """Return the sort key of the session with the id `before`, one of the actor's; "" for ""."""
    if not before:
        return ""
    try:
        entry = await session_index.get(actor.practice_id, before)
    except NotFound:
        raise InvalidInput("before", "before") from None
    if actor.person_id not in {entry.therapist_id, entry.patient_person_id}:
        raise InvalidInput("before", "before")
    return entry.sort_key
