"""Patient links: whoever was linked by mistake sees nothing once the link is undone, whatever is late."""

import pytest
from msgspec.structs import replace

from tests.builders import (
    DAY,
    MINUTE,
    PATIENT,
    PRACTICE,
    SESSION,
    a_device,
    a_person,
    a_push_due,
    a_session,
    an_actor,
    an_item,
    details,
)
from tests.workflows.interrupted_ports import nothing
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    MemoryInstallation,
    an_installation,
    begun,
    registered,
    reviewed,
    upload,
)
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable, WrongState
from therapy.domain.people import Role
from therapy.domain.session import LINK_UNDONE, Link, SessionPatient, State
from therapy.domain.session_entry import entry_of
from therapy.repositories.records import Records
from therapy.workflows import accounts, patient_links, review, session_lists

JORDAN = an_actor(person_id=PATIENT, role=Role.PATIENT)
NOA = an_actor(person_id="patient-noa", role=Role.PATIENT)
NUMBER, NOAS_NUMBER = "203948571", "300000015"
STATES = ["waiting", "in review", "submitted", "closed"]


async def a_linked_session(state: str = "closed") -> MemoryInstallation:
    """Return an installation with one session in this state, linked to Jordan, and another patient, Noa."""
    installed = await an_installation()
    records = installed.records
    noa = a_person(
        id=NOA.person_id, email="noa@example.health", full_name="Noa Bar", number=NOAS_NUMBER
    )
    await accounts.add_person(noa, records=records)
    await begun(installed)
    await patient_links.link_patient(ACTOR, SESSION, NUMBER, records=records)
    if state != "waiting":
        await installed.work()
    if state in {"submitted", "closed"}:
        await review.submit(ACTOR, SESSION, await reviewed(installed), records=records)
    if state == "closed":
        await installed.work()
    return installed


async def unlink(installed: MemoryInstallation, records: Records | None = None) -> None:
    await patient_links.unlink_patient(ACTOR, SESSION, records=records or installed.records)


async def link(installed: MemoryInstallation, number: str) -> None:
    await patient_links.link_patient(ACTOR, SESSION, number, records=installed.records)


async def listed(installed: MemoryInstallation, actor=JORDAN) -> list[str]:
    entries = await session_lists.closed_sessions(
        actor, records=installed.records, session_index=installed.ports.session_index
    )
    return [each.session_id for each in entries]


async def reads(installed: MemoryInstallation, actor=JORDAN) -> bool:
    try:
        await session_lists.closed_session(actor, SESSION, records=installed.records)
    except NotFound:
        return False
    return True


async def close(installed: MemoryInstallation, state: str) -> None:
    if state in {"waiting", "in review"}:
        await installed.work()
        lines = await reviewed(installed)
        await review.submit(ACTOR, SESSION, lines, records=installed.records)
    await installed.work()
    assert (await installed.session()).state is State.CLOSED


@pytest.mark.parametrize("state", STATES)
async def test_a_link_that_was_undone_in_any_state_shows_the_patient_nothing(state):
    installed = await a_linked_session(state)
    await unlink(installed)
    assert (await installed.session()).details.patient.link is Link.UNCONFIRMED
    if state != "closed":
        await close(installed, state)
    assert not await reads(installed)
    assert await listed(installed) == []
    await link(installed, NUMBER)
    assert await reads(installed)
    assert await listed(installed) == [SESSION]


async def test_undoing_it_again_changes_nothing():
    installed = await a_linked_session()
    await unlink(installed)
    before = await installed.session()
    await unlink(installed)
    assert await installed.session() == before
    assert await listed(installed) == []


async def test_what_was_never_linked_has_no_link_to_undo():
    installed = await an_installation()
    await begun(installed)
    before = await installed.session()
    await unlink(installed)
    assert await installed.session() == before
    assert await installed.waiting() == ()


async def test_the_link_of_a_cancelled_session_is_undone_and_the_session_still_erased():
    installed = await a_linked_session("in review")
    await review.cancel(ACTOR, SESSION, records=installed.dying_writer)
    await unlink(installed)
    assert (await installed.session()).details.patient.person_id == ""
    with pytest.raises(WrongState):
        await link(installed, NUMBER)
    installed.clock.now += MINUTE
    await installed.sweep()
    assert (await installed.session()).state is State.ERASED
    with pytest.raises(NotFound):
        await unlink(installed)


@pytest.mark.parametrize(
    "stranger",
    [JORDAN, NOA, an_actor(person_id="another-therapist"), an_actor(practice_id="elsewhere")],
    ids=["its patient", "another patient", "another therapist", "another practice"],
)
async def test_only_its_therapist_undoes_a_link(stranger):
    installed = await a_linked_session()
    with pytest.raises(NotFound):
        await patient_links.unlink_patient(stranger, SESSION, records=installed.records)
    assert await listed(installed) == [SESSION]


async def test_a_list_that_could_not_be_brought_up_to_date_shows_nothing_of_it():
    """The index is away while the link is undone: the patient's list still has the entry, for a while."""
    installed = await a_linked_session()
    installed.ports.session_index.failure = Unavailable()
    await unlink(installed)
    entries = await installed.ports.session_index.of_patient(PRACTICE, PATIENT, "", 500)
    assert [each.session_id for each in entries] == [SESSION]
    assert await listed(installed) == []
    installed.ports.session_index.failure = None
    installed.clock.now += MINUTE
    await installed.sweep()
    assert await installed.ports.session_index.of_patient(PRACTICE, PATIENT, "", 500) == ()


@pytest.mark.parametrize("writer", ["as it was", "dies"])
async def test_an_entry_that_a_slow_relay_writes_afterwards_does_not_come_back(writer):
    installed = await a_linked_session()
    records, index = installed.records, installed.ports.session_index
    session = await installed.session()
    late = entry_of(session, await installed.runs(), None)
    await unlink(installed, installed.dying_writer if writer == "dies" else records)
    await index.put(PRACTICE, late)
    assert await listed(installed) == []
    installed.clock.now += MINUTE
    await installed.sweep()
    await index.put(PRACTICE, late)
    assert await index.of_patient(PRACTICE, PATIENT, "", 500) == ()


async def test_linked_again_it_is_in_the_list_again_at_once():
    installed = await a_linked_session()
    for _ in range(3):
        await unlink(installed)
        assert await listed(installed) == []
        await link(installed, NUMBER)
        assert await listed(installed) == [SESSION]


async def test_linked_to_another_patient_the_first_sees_nothing_at_once():
    installed = await a_linked_session()
    installed.ports.session_index.failure = Unavailable()
    await link(installed, NOAS_NUMBER)
    assert (await reads(installed), await listed(installed)) == (False, [])
    installed.ports.session_index.failure = None
    installed.clock.now += MINUTE
    await installed.sweep()
    assert (await reads(installed, NOA), await listed(installed, NOA)) == (True, [SESSION])
    patient = (await installed.session()).details.patient
    assert (patient.name, patient.email) == ("Noa Bar", "noa@example.health")


async def test_a_writer_that_dies_before_the_session_is_written_leaves_it_linked_but_in_no_list():
    """The therapist got no answer, and asks again."""
    installed = await a_linked_session()

    async def die(partition, _):
        if partition == IN_SESSION:
            raise Unavailable

    installed.store.before_commit = die
    with pytest.raises(Unavailable):
        await unlink(installed)
    installed.store.before_commit = nothing
    assert (await reads(installed), await listed(installed)) == (True, [])
    await unlink(installed)
    assert (await reads(installed), await listed(installed)) == (False, [])


async def test_no_correction_and_no_upload_links_it_again():
    installed = await an_installation()
    records = installed.records
    receipt = await upload(installed.intake)
    session_id = receipt.session_id
    assert (await installed.session(session_id)).details.patient.link is Link.LINKED
    await patient_links.unlink_patient(ACTOR, session_id, records=records)
    assert await upload(installed.intake) == replace(receipt, new=False)
    for patient in (
        SessionPatient(NUMBER, "Jordan White", "jordan@example.health"),
        SessionPatient("999999999", "Nobody"),
        SessionPatient(NUMBER, "Jordan White"),
    ):
        corrected = await review.correct(
            ACTOR,
            session_id,
            lambda before, patient=patient: replace(before, patient=patient),
            records=records,
        )
        found = corrected.details.patient
        assert (found.number, found.person_id) == (patient.number, "")
        assert LINK_UNDONE in corrected.details.hints
    with pytest.raises(AlreadyExists):
        await upload(installed.intake, summary="Another.")
    assert (await installed.session(session_id)).details.patient.person_id == ""


async def test_once_confirmed_a_correction_links_by_number_and_name_as_before():
    installed = await a_linked_session("in review")
    await unlink(installed)
    await link(installed, NOAS_NUMBER)
    patient = SessionPatient(NUMBER, "Jordan White")
    corrected = await review.correct(
        ACTOR, SESSION, lambda before: replace(before, patient=patient), records=installed.records
    )
    assert corrected.details.patient.person_id == PATIENT


async def push_waits(installed: MemoryInstallation) -> None:
    """Put pushes about the session into its outbox: for its patient, and for its therapist."""
    records = installed.records
    for position, person_id in enumerate((PATIENT, ACTOR.person_id), 1):
        due = a_push_due(person_id=person_id)
        item = an_item(f"push-{position}", what=due, due_at=installed.clock.now)
        _, pending = records.outbox.new(IN_SESSION, item, position=position)
        await installed.write(pending)
    await registered(a_device(person_id=PATIENT, token="patients"), records=records)


async def test_a_push_that_waits_for_the_former_patient_is_never_sent():
    installed = await a_linked_session("in review")
    installed.ports.push.sent.clear()
    await push_waits(installed)
    await unlink(installed)
    installed.clock.now += DAY
    await installed.sweep()
    sent = [device.person_id for device, _ in installed.ports.push.sent]
    assert sent == [ACTOR.person_id]


async def test_who_changed_a_link_and_when_is_kept_with_the_session():
    installed = await a_linked_session()
    at = installed.clock.now = installed.clock.now + MINUTE
    asked = replace(ACTOR, request_id="request-1")
    await patient_links.unlink_patient(asked, SESSION, records=installed.records)
    await unlink(installed)
    await link(installed, NOAS_NUMBER)
    await link(installed, NOAS_NUMBER)
    found = await installed.records.link_changes.of_session(PRACTICE, SESSION)
    assert [(each.before, each.after) for each in found] == [
        ("", PATIENT),
        (PATIENT, ""),
        ("", NOA.person_id),
    ]
    assert (found[1].actor_id, found[1].role) == (ACTOR.person_id, Role.THERAPIST)
    assert (found[1].at, found[1].request_id) == (at, "request-1")


async def test_a_correction_that_changes_the_link_is_kept_too():
    installed = await a_linked_session("in review")
    for patient in (SessionPatient(NOAS_NUMBER, "Noa Bar"), SessionPatient(NOAS_NUMBER, "noa bar")):
        await review.correct(
            ACTOR,
            SESSION,
            lambda before, patient=patient: replace(before, patient=patient),
            records=installed.records,
        )
    found = await installed.records.link_changes.of_session(PRACTICE, SESSION)
    assert [(each.before, each.after) for each in found][1:] == [(PATIENT, NOA.person_id)]


async def test_an_erased_session_has_no_link_changes():
    installed = await a_linked_session("in review")
    await review.cancel(ACTOR, SESSION, records=installed.records)
    assert await installed.records.link_changes.of_session(PRACTICE, SESSION) == ()


async def test_a_patient_with_no_account_cannot_be_confirmed():
    installed = await a_linked_session("in review")
    with pytest.raises(InvalidInput, match="no_such_patient"):
        await link(installed, "999999999")


@pytest.mark.parametrize("typed", ["12345678", " 12345678", "1234567-8"])
async def test_a_number_without_its_zeros_is_understood_if_the_names_match_too(typed):
    """Whoever sends all nine digits has said who is meant; with fewer it is a guess."""
    installed = await an_installation()
    records = installed.records
    account = a_person(id="p-0", email="p0@example.health", number="012345678", full_name="P Null")
    await accounts.add_person(account, records=records)
    await begun(installed)
    with pytest.raises(InvalidInput, match="no_such_patient"):
        await link(installed, typed)
    assert (await installed.session()).details.patient.person_id == ""
    await link(installed, "012345678")
    assert (await installed.session()).details.patient.person_id == "p-0"
    same = details(patient=SessionPatient("12345678", "p  NULL"))
    session = a_session(id="session-2", details=same)
    await installed.write(records.sessions.write(session))
    await patient_links.link_patient(ACTOR, "session-2", typed, records=records)
    assert (await installed.session("session-2")).details.patient.person_id == "p-0"
