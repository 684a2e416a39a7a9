"""The sweep: rings for what is due, finishes what dead processes left, and lets nothing stand in its way."""

import contextlib
from dataclasses import dataclass, field

import pytest

from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    PRACTICE,
    SESSION,
    THERAPIST,
    a_login,
    a_push_due,
    a_reset,
    a_run,
    an_item,
    an_upload,
)
from tests.workflows.interrupted_ports import FailingPush
from tests.workflows.memory_installation import (
    ACTOR,
    IN_SESSION,
    SHORT_LEASE,
    SOUND,
    MemoryInstallation,
    an_installation,
    begun,
    in_session,
)
from therapy.adapters.memory.store import MemoryStore
from therapy.domain.errors import Stale, Unavailable
from therapy.domain.outbox import Consequence, SessionEntryChanged
from therapy.domain.run import claimed
from therapy.domain.session import State
from therapy.domain.upload import BLOCK_SIZE
from therapy.ports.doorbell import Doorbell
from therapy.ports.store import Item
from therapy.workflows.sweep import AT_ONCE, MOST_PAGES
from therapy.workflows.uploads import receiving

THIS_SESSION = SessionEntryChanged(SESSION)


@dataclass
class Rung(Doorbell):
    """Remembers who was rung for."""

    rings: list[tuple[str, str]] = field(default_factory=list)

    async def ring(self, practice_id, session_id):
        self.rings.append((practice_id, session_id))

    async def listen(self, answer, *, at_once):
        raise NotImplementedError


async def left_behind(
    installed: MemoryInstallation,
    session_id: str = SESSION,
    what: Consequence = THIS_SESSION,
) -> None:
    """Write an item that is due, as a writer leaves it that dies after its commit."""
    item = an_item(what=what, due_at=installed.clock.now)
    _, pending = installed.records.outbox.new(in_session(session_id), item, position=1)
    await installed.write(pending)


async def test_the_sweep_removes_what_dead_uploads_left():
    installed = await an_installation()
    dead = an_upload(id="dead", expires_at=installed.clock.now + HOUR)
    await installed.write(installed.records.uploads.write(dead))
    await installed.recordings.stage(PRACTICE, "dead", 0, b"x")
    await installed.recordings.stage(PRACTICE, "unknown", 0, b"x")
    await installed.sweep()
    assert await installed.uploads()
    assert len(installed.recordings._staged) == 2
    installed.clock.now += 3 * HOUR
    await installed.sweep()
    assert not await installed.uploads()
    assert not installed.recordings._staged


async def test_the_sweep_rings_for_due_runs_and_delivers_what_writers_left():
    doorbell = Rung()
    installed = await an_installation(doorbell=doorbell)
    await begun(installed)
    await left_behind(installed)
    await installed.sweep()
    assert doorbell.rings == [(PRACTICE, SESSION)]
    assert await installed.waiting() == ()
    entry = await installed.ports.session_index.get(PRACTICE, SESSION)
    assert entry.session_id == SESSION


async def test_one_thing_that_cannot_be_done_does_not_stop_the_rest_of_the_sweep():
    installed = await an_installation()
    await begun(installed)
    await left_behind(installed)
    installed.ports.session_index.failure = ZeroDivisionError()
    standing = an_upload(expires_at=installed.clock.now)
    await installed.write(installed.records.uploads.write(standing))
    with pytest.raises(ZeroDivisionError):
        await installed.sweep()
    assert not await installed.uploads()
    installed.ports.session_index.failure = None
    installed.clock.advance(minutes=1)
    await installed.sweep()
    assert await installed.waiting() == ()


async def test_an_upload_whose_blocks_cannot_be_discarded_is_tried_again_later():
    installed = await an_installation()
    standing = an_upload(expires_at=installed.clock.now)
    await installed.write(installed.records.uploads.write(standing))
    await installed.recordings.stage(PRACTICE, standing.id, 0, b"x")
    installed.recordings.failure = Unavailable()
    with pytest.raises(Unavailable):
        await installed.sweep()
    installed.recordings.failure = None
    await installed.sweep()  # not due yet: it let others pass
    assert installed.recordings._staged
    installed.clock.advance(minutes=1)
    await installed.sweep()
    assert not installed.recordings._staged
    assert not await installed.uploads()


async def test_an_upload_that_the_sweep_has_begun_to_remove_becomes_no_session():
    installed = await an_installation()
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        await incoming.write(SOUND)
        await incoming.end()
        installed.clock.now += 2 * HOUR
        installed.recordings.failure = Unavailable()
        with pytest.raises(Unavailable):
            await installed.sweep()  # claimed, and away before anything was removed
        with pytest.raises(Stale):
            await incoming.note(session_id="new")
    installed.recordings.failure = None
    installed.clock.now += HOUR
    await installed.sweep()
    assert not installed.recordings._staged


@pytest.mark.parametrize("failure", [Unavailable(), RuntimeError("a fault")], ids=["away", "fault"])
async def test_more_items_that_cannot_be_delivered_than_two_pages_hold_hide_nothing(failure):
    installed = await an_installation(push=FailingPush(failure))
    stuck_sessions = [f"stuck-{number:03}" for number in range(2 * AT_ONCE + 20)]
    for session_id in stuck_sessions:
        await left_behind(installed, session_id, a_push_due())
    await begun(installed)
    installed.clock.advance(minutes=1)
    await left_behind(installed)  # due after all the others
    with contextlib.suppress(RuntimeError):
        await installed.sweep()
    assert await installed.waiting() == ()
    stuck = [await installed.waiting(in_session(session_id)) for session_id in stuck_sessions]
    assert {each.item.attempts for (each,) in stuck} == {1}
    assert min(each.item.due_at for (each,) in stuck) > installed.clock.now


async def test_however_many_runs_wait_for_a_worker_the_rest_is_swept():
    doorbell = Rung()
    installed = await an_installation(doorbell=doorbell)
    records = installed.records
    for number in range(AT_ONCE * MOST_PAGES + 1):
        await installed.write(records.runs.write(a_run(session_id=f"waiting-{number:04}")))
    await begun(installed)
    installed.clock.advance(minutes=1)
    await left_behind(installed)
    left = an_upload(id="dead", expires_at=installed.clock.now + 800 * DAY)  # its clock was wrong
    await installed.write(records.uploads.write(left))
    await installed.sweep()
    assert await installed.waiting() == ()
    assert await installed.uploads() == ()
    assert len(doorbell.rings) == AT_ONCE * MOST_PAGES


async def test_a_clock_set_back_by_two_hours_delays_nothing_that_a_dead_process_left():
    doorbell = Rung()
    installed = await an_installation(doorbell=doorbell, worker_options=SHORT_LEASE)
    await begun(installed)
    records, now = installed.records, installed.clock.now
    dead = claimed(await installed.run(), lease="dead", now=now, hold=MINUTE, within=HOUR)
    await installed.write(records.runs.write(dead))
    await left_behind(installed)
    installed.clock.advance(hours=-2)
    await installed.sweep()
    assert doorbell.rings == [(PRACTICE, SESSION)]
    assert await installed.waiting() == ()
    await installed.work()
    assert (await installed.session()).state is State.AWAITING_REVIEW


async def test_what_is_due_later_as_it_should_be_is_left_alone():
    doorbell = Rung()
    installed = await an_installation(doorbell=doorbell)
    await begun(installed)
    records, now = installed.records, installed.clock.now
    alive = claimed(await installed.run(), lease="alive", now=now, hold=5 * MINUTE, within=HOUR)
    upload = an_upload(id="alive", expires_at=now + HOUR)
    await installed.write(records.runs.write(alive))
    await installed.write(records.uploads.write(upload))
    postponed = an_item(what=THIS_SESSION, due_at=now + HOUR, attempts=9)
    _, pending = records.outbox.new(IN_SESSION, postponed, position=1)
    await installed.write(pending)
    await installed.sweep()
    assert (doorbell.rings, len(await installed.waiting())) == ([], 1)
    assert await installed.uploads()


async def test_an_upload_left_before_the_clock_was_set_back_by_years_is_removed():
    installed = await an_installation()
    left = an_upload(id="dead", expires_at=installed.clock.now + 800 * DAY)
    await installed.write(installed.records.uploads.write(left))
    await installed.sweep()
    assert not await installed.uploads()


async def test_an_upload_in_progress_outlives_a_clock_that_is_set_back():
    installed = await an_installation()
    async with receiving(ACTOR, intake=installed.intake) as incoming:
        installed.clock.advance(days=-2)
        await incoming.write(SOUND + bytes(3 * BLOCK_SIZE))  # the last two may be on their way
        await installed.sweep()
        await incoming.end()
        assert (await installed.records.uploads.load(PRACTICE, incoming.upload.id)).offset


async def test_logins_and_reset_tokens_that_have_expired_are_deleted_for_good():
    installed = await an_installation()
    records, store = installed.records, installed.store.store
    await installed.write(records.logins.end(a_login(person_id=THERAPIST)))
    reset = a_reset(expires_at=installed.clock.now + HOUR)
    await installed.write(records.logins.write(a_login()), records.reset_tokens.write(reset))

    def kept() -> list[str]:
        return sorted(item.kind for item in every(store) if item.kind in {"login", "reset"})

    assert kept() == ["login", "reset"]
    installed.clock.now += DAY
    await installed.sweep()
    assert kept() == ["login"]
    installed.clock.now += 31 * DAY
    await installed.sweep()
    assert kept() == []


def every(store: MemoryStore) -> list[Item]:
    """Return what is in memory, expired or not."""
    return [item for items in store._partitions.values() for item in items.values()]
