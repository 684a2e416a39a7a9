"""The outbox relay: whatever a delivery raises, its item comes back later; and no two deliver one item."""

import asyncio
from datetime import timedelta

import pytest

from tests.builders import (
    HOUR,
    PATIENT,
    PRACTICE,
    SECOND,
    SESSION,
    THERAPIST,
    a_device,
    a_login,
    a_push_due,
    a_session,
    an_item,
)
from tests.workflows.interrupted_ports import FailingPush, SlowPush
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    MemoryInstallation,
    an_installation,
    begun,
    in_session,
    registered,
    upload,
)
from therapy.domain.errors import Stale, Unavailable
from therapy.domain.outbox import AccessEnded, PersonEntryChanged, SessionEntryChanged
from therapy.domain.partition_keys import digest
from therapy.repositories.change import Change
from therapy.repositories.logins import access_partition
from therapy.workflows import patient_links
from therapy.workflows.outbox_relay import LONGEST_PAUSE, pause_after


async def ready(installed: MemoryInstallation) -> None:
    """Put a session into the store that its therapist is to be told about, by a writer that has died."""
    records = installed.records
    item = an_item(what=a_push_due(), due_at=installed.clock.now)
    _, pending = records.outbox.new(IN_SESSION, item, position=1)
    await installed.write(records.sessions.write(a_session()), pending)


async def tell(installed: MemoryInstallation) -> None:
    """Write a session and tell its therapist, as a worker does that finishes."""
    records = installed.records
    change = Change(records.sessions.write(a_session()))
    await records.commit(PRACTICE, change, a_push_due())


async def test_what_cannot_be_delivered_now_is_delivered_later_each_time_later():
    installed = await an_installation()
    await begun(installed)
    installed.ports.session_index.failure = Unavailable()
    await patient_links.link_patient(ACTOR, SESSION, "203948571", records=installed.records)
    pauses = []
    for _ in range(9):
        (left,) = await installed.waiting()
        pauses.append(left.item.due_at - installed.clock.now)
        installed.clock.now = left.item.due_at
        await installed.sweep()
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[4] < pauses[-1] == HOUR
    installed.ports.session_index.failure = None
    installed.clock.now += HOUR
    await installed.sweep()
    assert await installed.waiting() == ()


@pytest.mark.parametrize("failure", [Unavailable(), Stale()], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("attempts", [0, 41, 42, 10_000])
async def test_an_item_is_put_off_however_often_it_has_failed(attempts, failure):
    installed = await an_installation(push=FailingPush(failure))
    item = an_item(what=a_push_due(), due_at=installed.clock.now, attempts=attempts)
    _, pending = installed.records.outbox.new(IN_SESSION, item, position=1)
    await installed.write(pending)
    await installed.sweep()
    (left,) = await installed.waiting()
    assert left.item.attempts == attempts + 1
    assert left.item.due_at - installed.clock.now == (30 * SECOND if attempts == 0 else HOUR)


@pytest.mark.parametrize("first", [SECOND, 30 * SECOND, HOUR, 30 * HOUR])
def test_no_pause_is_longer_than_the_longest(first):
    pauses = [pause_after(an_item(attempts=attempts), first) for attempts in range(100)]
    assert pauses == sorted(pauses)
    assert pauses[0] == min(first, LONGEST_PAUSE)
    assert pauses[-1] == LONGEST_PAUSE


async def test_a_fault_in_a_delivery_is_raised_by_the_sweep_and_its_item_put_off():
    installed = await an_installation(push=FailingPush(RuntimeError("a fault")))
    await ready(installed)
    with pytest.raises(RuntimeError):
        await installed.sweep()
    (left,) = await installed.waiting()
    assert (left.item.attempts, left.item.due_at - installed.clock.now) == (1, 30 * SECOND)
    await installed.sweep()  # not due: nothing is raised


async def test_a_fault_in_a_delivery_does_not_reach_whoever_has_written():
    installed = await an_installation(push=FailingPush(RuntimeError("a fault")))
    await tell(installed)
    (left,) = await installed.waiting()
    assert left.item.attempts == 1


async def test_one_item_that_fails_does_not_keep_the_others_of_its_commit():
    installed = await an_installation(push=FailingPush(RuntimeError("a fault")))
    records = installed.records
    change = Change(records.sessions.write(a_session()))
    await records.commit(PRACTICE, change, a_push_due(), SessionEntryChanged(SESSION))
    (left,) = await installed.waiting()
    assert left.item.what == a_push_due()
    assert await installed.ports.session_index.get(PRACTICE, SESSION)


async def test_an_item_behind_more_than_a_page_of_others_is_put_off_too():
    installed = await an_installation(push=FailingPush(Unavailable()))
    outbox = installed.records.outbox
    for number in range(501):
        item = an_item(f"later-{number}", due_at=installed.clock.now + HOUR)
        await installed.write(outbox.new(IN_SESSION, item, position=number)[1])
    item = an_item("last", what=a_push_due(), due_at=installed.clock.now)
    placed, pending = outbox.new(IN_SESSION, item, position=999)
    await installed.write(pending)
    await installed.sweep()
    left = await outbox.as_stored(placed)
    assert left is not None
    assert left.item.attempts == 1


async def test_a_push_that_hangs_is_cut_off_before_its_claim_ends_and_put_off():
    push = SlowPush()
    installed = await an_installation(push=push, options={"lease": timedelta(milliseconds=50)})
    await tell(installed)  # returns although nobody lets the push go
    (left,) = await installed.waiting()
    assert (left.item.attempts, push.begun, push.sent) == (1, 1, [])
    push.go.set()
    installed.clock.advance(seconds=1)
    await installed.sweep()
    assert await installed.waiting() == ()
    assert installed.told() == ["SESSION_READY"]


async def test_a_store_that_goes_away_after_a_change_refuses_no_change_that_is_written():
    installed = await an_installation()
    installed.ports.session_index.failure = Unavailable()

    async def away_for_the_outbox(_: str, ids: tuple[str, ...]) -> None:
        if any(each.startswith("item-") for each in ids):
            raise Unavailable

    installed.store.after_get = away_for_the_outbox
    receipt = await upload(installed.intake)  # neither delivered nor put off, and still taken in
    assert receipt.new
    partition = in_session(receipt.session_id)
    assert {each.item.attempts for each in await installed.waiting(partition)} == {0}
    installed = installed.with_ports(store=installed.store.store)
    installed.ports.session_index.failure = None
    installed.clock.now += HOUR
    await installed.sweep()
    assert await installed.waiting(partition) == ()
    assert await installed.ports.session_index.get(PRACTICE, receipt.session_id)


async def test_what_its_writer_still_delivers_is_left_alone_by_the_sweep():
    push = SlowPush()
    installed = await an_installation(push=push)
    writer = asyncio.create_task(tell(installed))
    await asyncio.wait_for(push.sending.wait(), 60)
    installed.clock.advance(seconds=29)
    await installed.sweep()
    assert push.begun == 1
    push.go.set()
    await writer
    assert installed.told() == ["SESSION_READY"]
    assert await installed.waiting() == ()


async def test_of_several_sweeps_at_once_one_sends_the_push():
    push = SlowPush()
    installed = await an_installation(push=push)
    await ready(installed)
    sweeps = [asyncio.create_task(installed.sweep()) for _ in range(4)]
    await asyncio.wait_for(push.sending.wait(), 60)
    await installed.sweep()  # one more, while the push is on its way
    push.go.set()
    await asyncio.gather(*sweeps)
    assert installed.told() == ["SESSION_READY"]
    assert await installed.waiting() == ()


async def test_a_claim_that_has_ended_is_taken_over():
    installed = await an_installation(push=SlowPush())
    await ready(installed)
    dead = asyncio.create_task(installed.sweep())
    await asyncio.wait_for(installed.ports.push.sending.wait(), 60)
    dead.cancel()  # the process is gone, and with it whoever held the claim
    with pytest.raises(asyncio.CancelledError):
        await dead
    successor = installed.with_ports(push=FailingPush(None))
    await successor.sweep()
    assert successor.told() == []
    installed.clock.advance(seconds=31)
    await successor.sweep()
    assert successor.told() == ["SESSION_READY"]


async def test_a_delivery_that_fails_after_its_claim_has_ended_leaves_the_item_to_who_has_it_now():
    successors_push = SlowPush()

    class LatePush(FailingPush):
        async def send(self, practice_id, device, push):
            installed.clock.advance(seconds=31)
            taking_over.append(asyncio.create_task(successor.sweep()))
            await asyncio.wait_for(successors_push.sending.wait(), 60)
            raise Unavailable

    taking_over: list[asyncio.Task[None]] = []
    installed = await an_installation(push=LatePush(None))
    successor = installed.with_ports(push=successors_push)
    await ready(installed)
    await installed.sweep()
    successors_push.go.set()
    await asyncio.gather(*taking_over)
    assert await installed.waiting() == ()
    installed.clock.now += HOUR
    await successor.sweep()
    assert successor.told() == ["SESSION_READY"]


async def test_a_device_that_has_been_told_is_not_told_again_when_another_one_fails():
    installed = await an_installation()
    second = a_device(
        token="token-2", person_id=THERAPIST, registered_at=installed.clock.now + SECOND
    )
    await registered(second, records=installed.records)

    class SecondAway(FailingPush):
        async def send(self, practice_id, device, push):
            if device.token == "token-2":
                raise Unavailable
            return await super().send(practice_id, device, push)

    await tell(installed.with_ports(push=SecondAway(None)))
    (left,) = await installed.waiting()
    assert (left.item.what.told, left.item.attempts) == ((digest("token-1"),), 1)
    installed.clock.advance(minutes=1)
    await installed.sweep()
    assert [device.token for device, _ in installed.ports.push.sent] == ["token-2"]


async def test_what_follows_from_a_change_of_a_login_is_written_with_it_and_delivered_by_the_sweep():
    installed = await an_installation()
    partition = access_partition(PRACTICE, PATIENT)
    login, now = a_login(created_at=installed.clock.now), installed.clock.now
    change = Change(installed.records.logins.write(login))
    await installed.dying_writer.commit(PRACTICE, change, AccessEnded(PATIENT, now))
    assert [each.item.what for each in await installed.waiting(partition)] == [
        AccessEnded(PATIENT, now)
    ]
    assert await installed.records.logins.of_person(PRACTICE, PATIENT)
    installed.clock.advance(seconds=31)
    await installed.sweep()
    assert await installed.records.logins.of_person(PRACTICE, PATIENT) == ()
    assert await installed.waiting(partition) == ()


async def test_what_follows_from_a_refused_change_is_not_written():
    installed = await an_installation()
    login = a_login(version=7)
    with pytest.raises(Stale):
        await installed.records.commit(
            PRACTICE, Change(installed.records.logins.write(login)), PersonEntryChanged(PATIENT)
        )
    assert await installed.store.list(access_partition(PRACTICE, PATIENT)) == ()
