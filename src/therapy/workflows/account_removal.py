"""Removing an account: only one that nothing refers to, such as one that was added by mistake.

The address and the number are freed first, so that nobody signs in and no session is linked any more; then
it is asked again whether anything refers to the account, and if so, both are taken back. Every step can be
repeated: whoever was interrupted removes the account once more, by the address that it still has.

Sessions are found by the lists, and by what still has to be brought into them. What can't be read may refer
to the account: then it is not removed.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

from therapy.domain.errors import NotFound, Unavailable, WrongState
from therapy.domain.outbox import QUEUES, PersonEntryChanged, SessionEntryChanged
from therapy.domain.people import Person, Role, email_key
from therapy.domain.session_entry import MOST_ENTRIES
from therapy.domain.session_status import SessionStatus
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import MOST_ITEMS, MOST_WRITES, Delete
from therapy.repositories.change import Change
from therapy.repositories.logins import access_partition
from therapy.repositories.people import EmailOwner
from therapy.repositories.records import Records
from therapy.workflows.end_of_access import end_access

AHEAD = timedelta(days=1)
"""Nothing waits longer to be brought into the lists."""


async def remove_account(email: str, *, records: Records, session_index: SessionIndex) -> Person:
    """Remove the account with this address, and its logins, devices and reset tokens; return it as it was.

    Raises:
        NotFound: no account has this address.
        WrongState: a session or an upload refers to it; it stays as it is.
        AlreadyExists: someone has taken its number or address before these could be taken back.
        Unavailable: the store can't be reached; what might refer to it is damaged, or only a newer program
            can read it.
    """
    person = await _account(email, records=records)
    await _require_unused(person, records=records, session_index=session_index)
    await _free_names(person, records=records)
    try:
        await _require_unused(person, records=records, session_index=session_index)
    except (WrongState, Unavailable):
        await _take_names_back(person, records=records)
        raise
    await _end_all(person, records=records)
    former = records.former_sessions.remove(person.practice_id, person.id)
    removed = Change(records.people.remove(person), former)
    await records.commit(person.practice_id, removed, PersonEntryChanged(person.id))
    return person


async def _account(email: str, *, records: Records) -> Person:
    """Return the account that has this address, also if a removal that was interrupted has freed it."""
    for practice in await records.practices.all():
        async for person in records.people.of_practice(practice.id):
            if email_key(person.email) == email_key(email):
                return person
    raise NotFound


async def _require_unused(person: Person, *, records: Records, session_index: SessionIndex) -> None:
    async for _ in _references(person, records=records, session_index=session_index):
        raise WrongState("account_in_use")


async def _references(
    person: Person, *, records: Records, session_index: SessionIndex
) -> AsyncIterator[str]:
    """Yield the ids of sessions and uploads of a person, as therapist or as linked patient."""
    practice_id = person.practice_id
    async for upload in records.uploads.every_one_of_practice(practice_id):
        if upload.therapist_id == person.id:
            yield upload.id
    async for each in records.people.every_one_of_practice(practice_id):
        if each.role is Role.THERAPIST and (person.role is Role.PATIENT or each.id == person.id):
            before = ""
            while entries := await session_index.of_therapist(
                practice_id, each.id, set(SessionStatus), before, MOST_ENTRIES
            ):
                for entry in entries:
                    if person.id in {entry.therapist_id, entry.patient_person_id}:
                        yield entry.session_id
                before = entries[-1].sort_key
    async for session_id in _not_listed_yet(practice_id, records=records):
        with suppress(NotFound):
            session = await records.sessions.load(practice_id, session_id)
            if person.id in {session.therapist_id, session.details.patient.person_id}:
                yield session_id


async def _not_listed_yet(practice_id: str, *, records: Records) -> AsyncIterator[str]:
    """Yield the ids of a practice's sessions whose entries have not been brought up to date."""
    after = None
    queues, until = [QUEUES[SessionEntryChanged]], records.now() + AHEAD
    while page := await records.store.due(queues, until, MOST_ITEMS, after):
        for item in map(records.outbox.read, page):
            if item.practice_id == practice_id and isinstance(item.what, SessionEntryChanged):
                yield item.what.session_id
        after = page[-1]


async def _free_names(person: Person, *, records: Records) -> None:
    people = records.people
    if person.number and await _has_number(person, records=records):
        await Change(people.free_number(person)).commit(records.store)
    owner = await people.emails.load(person.email)
    if owner is not None and owner.person_id == person.id:
        freed = people.emails.give_back(person.email, owner, records.now())
        await Change(freed).commit(records.store)


async def _take_names_back(person: Person, *, records: Records) -> None:
    people = records.people
    if person.number and not await _has_number(person, records=records):
        await Change(people.take_number(person)).commit(records.store)
    owner = await people.emails.load(person.email)
    if owner is None or owner.person_id != person.id:
        version = owner.version if owner is not None and not owner.person_id else 0
        mine = EmailOwner(person.practice_id, person.id, records.now(), version)
        await Change(people.emails.write(person.email, mine)).commit(records.store)


async def _has_number(person: Person, *, records: Records) -> bool:
    try:
        owner = await records.people.by_number(person.practice_id, person.number)
    except NotFound:
        return False
    return owner.id == person.id


async def _end_all(person: Person, *, records: Records) -> None:
    """End the person's access and delete whatever else is kept beside their logins."""
    await end_access(person.practice_id, person.id, records.now(), records=records)
    partition = access_partition(person.practice_id, person.id)
    while items := await records.store.list(partition, limit=MOST_WRITES, bodies=False):
        await records.store.commit(partition, [Delete(id=each.id) for each in items])
