"""Patient links: which account a session's patient is. Confirming a link gives that patient access to the
closed session; undoing it takes the access away, at once.

What a patient reads is decided by the session itself. Only lists are kept apart from it, and may be behind
(`session_entry`): before a closed session is written without its patient, the session is noted among the
patient's former ones, so that no list shows an entry that is older than that, whoever writes it when.
"""

from therapy.domain.access import Actor
from therapy.domain.errors import InvalidInput
from therapy.domain.outbox import PushDue, SessionEntryChanged
from therapy.domain.people import Person, lacks_zeros, same_name
from therapy.domain.session import (
    Link,
    Session,
    State,
    confirmed,
    entered_number,
    unlinked,
)
from therapy.domain.session_entry import sequence_of
from therapy.repositories.change import Change, Pending
from therapy.repositories.link_changes import link_change
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition
from therapy.workflows.retry_stale import retry_stale
from therapy.workflows.review import own_session, patient_account


async def link_patient(actor: Actor, session_id: str, number: str, *, records: Records) -> None:
    """Link the session to the patient account with this number, which can read it once it is closed.

    Another account that was linked loses its access at the same moment. A number without its leading zeros
    is only understood if the account has the name that the session's patient has.

    Raises:
        InvalidInput: no patient account has this number.
        WrongState: the session was cancelled.
    """

    async def attempt() -> None:
        # Repeated e.g. if the transcript was written at the same moment.
        session = await own_session(actor, session_id, records=records)
        account = await patient_account(actor.practice_id, number, records=records)
        if account is None or _guessed(session, account, number):
            raise InvalidInput("patient_id", "no_such_patient")
        await _write(actor, session, confirmed(session, account), records=records)

    await retry_stale(attempt)


def _guessed(session: Session, account: Person, number: str) -> bool:
    named = session.details.patient.name
    return lacks_zeros(number) and not same_name(named, account.full_name)


async def unlink_patient(actor: Actor, session_id: str, *, records: Records) -> None:
    """Undo the session's link to an account, in any state: that patient can read nothing of it from now on.

    Nothing links the session again but `link_patient`. Idempotent: without a link nothing changes.
    """

    async def attempt() -> None:
        session = await own_session(actor, session_id, records=records)
        patient = session.details.patient
        if patient.link is not Link.LINKED:
            return
        number = entered_number(patient)
        account = await patient_account(actor.practice_id, number, records=records)
        await _write(actor, session, unlinked(session, account), records=records)

    await retry_stale(attempt)


async def _write(actor: Actor, before: Session, after: Session, *, records: Records) -> None:
    """Write a session whose link has changed, who changed it, and that the former patient is told no more."""
    if after == before:
        return
    practice_id, former = before.practice_id, before.details.patient.person_id
    change = Change(records.sessions.write(after))
    if noted := link_change(actor, before, after, records.now()):
        change.add(records.link_changes.write(noted))
        if former:
            change.add(*await _pushes(before, former, records=records))
            await _withhold(before, former, records=records)
    await records.commit(practice_id, change, SessionEntryChanged(before.id))


async def _pushes(session: Session, person_id: str, *, records: Records) -> list[Pending]:
    """Return writes that remove the pushes about a session which wait for a person."""
    waiting = await records.outbox.pending(session_partition(session.practice_id, session.id))
    return [
        records.outbox.delivered(each)
        for each in waiting
        if isinstance(each.item.what, PushDue) and each.item.what.person_id == person_id
    ]


async def _withhold(session: Session, person_id: str, *, records: Records) -> None:
    """Note that entries of a closed session from before the next write are not the person's any more.

    Only closed sessions are in patients' lists. A closed session's runs are over, so that its next entry
    has the sequence that is noted, or a greater one.
    """
    if session.state is not State.CLOSED:
        return
    practice_id = session.practice_id
    runs = await records.runs.of_session(practice_id, session.id)
    known = await records.former_sessions.load(practice_id, person_id)
    noted = known.with_session(session.id, sequence_of(session, runs) + 1, records.now())
    if noted.sequences != known.sequences:
        await Change(records.former_sessions.write(noted)).commit(records.store)
