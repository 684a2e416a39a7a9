"""Removing an account: nothing of it is left, and whatever refers to it refuses that."""

import pytest

from tests.builders import (
    MINUTE,
    PATIENT,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_person,
    a_reset,
    a_therapist,
    an_item,
    an_upload,
    details,
)
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    PASSWORD,
    MemoryInstallation,
    an_installation,
    begun,
    reviewed,
)
from tests.workflows.test_newer_programs import changed
from therapy.domain.codec import is_of_a_newer_program
from therapy.domain.errors import NotFound, NotSignedIn, Unavailable, WrongState
from therapy.domain.outbox import QUEUES, SessionEntryChanged
from therapy.domain.people import Person, Role
from therapy.domain.session import SessionPatient
from therapy.ports.store import Put
from therapy.repositories.practices import practice_partition
from therapy.workflows import accounts, patient_links, review, session_lists
from therapy.workflows.account_removal import remove_account
from therapy.workflows.authentication import log_in

PATIENTS_EMAIL, THERAPISTS_EMAIL = a_person().email, a_therapist().email


async def remove(installed: MemoryInstallation, email: str = PATIENTS_EMAIL) -> Person:
    return await remove_account(
        email, records=installed.records, session_index=installed.ports.session_index
    )


async def signs_in(installed: MemoryInstallation, email: str = PATIENTS_EMAIL) -> bool:
    try:
        await log_in(email, PASSWORD, records=installed.records, sign_in=installed.sign_in)
    except NotSignedIn:
        return False
    return True


async def found(installed: MemoryInstallation) -> list[str]:
    entries = await installed.ports.people_index.search(PRACTICE, None, "", "", 10)
    return [each.id for each in entries]


async def items_with(installed: MemoryInstallation, text: str) -> list[str]:
    """Return the items that say something of an account, apart from freed addresses."""
    walked = [item async for item in installed.store.store.walk()]
    return [
        f"{item.partition} {item.id}"
        for item in walked
        if text in item.partition + item.id or text.encode() in item.body
    ]


@pytest.mark.parametrize(
    ("email", "person_id"),
    [(PATIENTS_EMAIL, PATIENT), (THERAPISTS_EMAIL, THERAPIST)],
    ids=["a patient", "a therapist"],
)
async def test_nothing_of_an_account_that_nothing_refers_to_is_left(email, person_id):
    installed = await an_installation()
    assert await signs_in(installed, email)
    await installed.write(installed.records.reset_tokens.issue(a_reset(person_id=person_id)))
    removed = await remove(installed, email.upper())
    assert removed.id == person_id
    assert not await signs_in(installed, email)
    assert person_id not in await found(installed)
    assert await items_with(installed, person_id) == []
    again = a_person(id="again") if removed.role is Role.PATIENT else a_therapist(id="again")
    await accounts.add_person(again, records=installed.records)
    with pytest.raises(NotFound):
        await remove(installed, "nobody@example.health")


async def assert_refused(installed: MemoryInstallation, email: str = PATIENTS_EMAIL) -> None:
    before = await installed.records.people.by_email(email)
    with pytest.raises(WrongState, match="account_in_use"):
        await remove(installed, email)
    assert await installed.records.people.by_email(email) == before
    if before.number:
        assert await installed.records.people.by_number(PRACTICE, before.number) == before
    assert await signs_in(installed, email)


@pytest.mark.parametrize("closed", [False, True], ids=["in review", "closed"])
async def test_who_has_a_session_is_not_removed(closed):
    installed = await an_installation()
    await begun(installed)
    await patient_links.link_patient(ACTOR, SESSION, a_person().number, records=installed.records)
    await installed.work()
    if closed:
        lines = await reviewed(installed)
        await review.submit(ACTOR, SESSION, lines, records=installed.records)
        await installed.work()
    for email in (PATIENTS_EMAIL, THERAPISTS_EMAIL):
        await assert_refused(installed, email)


async def test_a_session_that_is_in_no_list_yet_counts_too():
    installed = await an_installation()
    await begun(installed)
    records = installed.dying_writer
    await patient_links.link_patient(ACTOR, SESSION, a_person().number, records=records)
    for email in (PATIENTS_EMAIL, THERAPISTS_EMAIL):
        await assert_refused(installed, email)


async def test_a_therapist_with_an_open_upload_is_not_removed():
    installed = await an_installation()
    await installed.write(installed.records.uploads.write(an_upload()))
    await assert_refused(installed, THERAPISTS_EMAIL)
    assert (await remove(installed, PATIENTS_EMAIL)).id == PATIENT


async def test_an_account_stays_where_an_upload_of_a_newer_program_may_refer_to_it():
    installed = await an_installation()
    pending = installed.records.uploads.write(an_upload())
    body = changed(an_upload(), schema_version=99)
    newer = Put(id=pending.write.id, kind="upload", body=body)
    await assert_kept(installed, pending.partition, newer)


async def test_an_account_stays_where_an_account_of_a_newer_program_may_refer_to_it():
    body = changed(a_person(), role="SUPERVISOR")
    newer = Put(id="person-x", kind="person", body=body)
    await assert_kept(await an_installation(), practice_partition(PRACTICE), newer)


async def test_an_account_stays_where_a_newer_program_has_a_session_that_is_in_no_list_yet():
    installed = await an_installation()
    body = changed(an_item(what=SessionEntryChanged(SESSION)), schema_version=99)
    queue, now = QUEUES[SessionEntryChanged], installed.clock.now
    newer = Put(id="item-1", kind="outbox", body=body, queue=queue, due_at=now)
    await assert_kept(installed, IN_SESSION, newer)


async def assert_kept(installed: MemoryInstallation, partition: str, newer: Put) -> None:
    """Assert that nobody is removed while there is something that only a newer program can read."""
    await installed.store.commit(partition, [newer])
    for email in (PATIENTS_EMAIL, THERAPISTS_EMAIL):
        with pytest.raises(Unavailable) as raised:
            await remove(installed, email)
        assert is_of_a_newer_program(raised.value)
        assert await signs_in(installed, email)


async def test_a_session_that_only_names_the_number_does_not_refer_to_the_account():
    installed = await an_installation()
    typed = details(patient=SessionPatient(a_person().number, "Somebody Else"))
    await begun(installed, details=typed)
    assert (await remove(installed)).id == PATIENT


async def test_who_is_linked_at_the_moment_of_the_removal_stays_as_before():
    installed = await an_installation()
    await begun(installed)
    raced = []

    async def link_first(partition, _):
        if partition == practice_partition(PRACTICE) and not raced:
            raced.append(True)
            number = a_person().number
            await patient_links.link_patient(ACTOR, SESSION, number, records=installed.records)

    installed.store.before_commit = link_first
    await assert_refused(installed)


@pytest.mark.parametrize("commit", range(1, 9))
async def test_a_removal_that_was_interrupted_anywhere_is_done_by_the_next(commit):
    installed = await an_installation()
    await signs_in(installed)
    commits = []

    async def die(*_):
        commits.append(1)
        if len(commits) == commit:
            raise Unavailable

    installed.store.before_commit = die
    try:
        await remove(installed)
    except Unavailable:
        installed.store.before_commit = nothing
        await remove(installed)
    installed.clock.now += MINUTE
    installed.store.before_commit = nothing
    await installed.sweep()
    assert PATIENT not in await found(installed)
    assert await items_with(installed, PATIENT) == []


async def test_the_therapist_reads_on_if_a_patient_was_removed_while_being_linked():
    installed = await an_installation()
    patient = SessionPatient("1", "A", person_id="removed")
    await begun(installed, details=details(patient=patient))
    await installed.work()
    await review.submit(ACTOR, SESSION, await reviewed(installed), records=installed.records)
    await installed.work()
    closed = await session_lists.closed_session(ACTOR, SESSION, records=installed.records)
    assert closed.patient is None
