"""What `repositories.outbox` and the unit of work in `repositories.records` promise."""

import itertools
from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.builders import (
    MINUTE,
    NOW,
    OTHER_PRACTICE,
    PRACTICE,
    SECOND,
    SESSION,
    a_login,
    a_person,
    a_session,
    an_item,
)
from tests.repositories.changes import NO_UNICODE, ODD_IDS, at_once, commit, commit_many
from therapy.adapters.memory.doorbell import MemoryDoorbell
from therapy.adapters.memory.mail import MemoryMail
from therapy.adapters.memory.push import MemoryPushSender
from therapy.adapters.memory.recordings import MemoryRecordings
from therapy.adapters.memory.session_events import MemorySessionEvents
from therapy.domain.errors import InvalidInput, Stale
from therapy.domain.outbox import (
    QUEUES,
    AccessEnded,
    Consequence,
    EraseDue,
    OutboxItem,
    PersonEntryChanged,
    PushDue,
    PushKind,
    RunDue,
    SessionEntryChanged,
)
from therapy.ports.people_index import PeopleIndex
from therapy.ports.session_index import SessionIndex
from therapy.ports.store import MOST_ITEMS
from therapy.repositories.change import Change, Pending
from therapy.repositories.outbox import OUTBOX_QUEUES, Placed
from therapy.repositories.records import CLAIM, Records
from therapy.repositories.sessions import session_partition
from therapy.testing.clock import Clock
from therapy.workflows.outbox_relay import OutboxRelay
from therapy.workflows.reset_letters import ResetLetters

PARTITION = session_partition(PRACTICE, SESSION)
POSITIONS = itertools.count()
READY = PushDue(PushKind.SESSION_READY, "someone", SESSION)
CONSEQUENCES: tuple[Consequence, ...] = (
    RunDue(SESSION),
    SessionEntryChanged(SESSION),
    PersonEntryChanged("someone"),
    AccessEnded("someone", NOW),
    READY,
    EraseDue(SESSION),
)


async def write(
    records: Records, *items: OutboxItem, partition: str = PARTITION
) -> tuple[Placed, ...]:
    """Write items, each with a commit of its own, and return them as they are stored."""
    for item in items:
        placed, pending = records.outbox.new(partition, item, next(POSITIONS))
        assert placed == Placed(partition, pending.write.id, item)
        await commit(records, pending)
    return await records.outbox.pending(partition)


def numbered(records: Records, count: int) -> list[Pending]:
    """Return the writes of so many new items."""
    return [records.outbox.new(PARTITION, an_item(f"{at}"), at)[1] for at in range(count)]


async def pending(records: Records, partition: str = PARTITION) -> list[OutboxItem]:
    return [placed.item for placed in await records.outbox.pending(partition)]


async def due(records: Records, now: datetime = NOW, limit: int = 100) -> list[str]:
    items = await records.store.due(OUTBOX_QUEUES, now, limit)
    return [item.id for item in records.outbox.known(items)]


async def test_items_are_pending_in_the_order_in_which_they_were_written(records: Records) -> None:
    items = [an_item(f"item-{9 - at}", what=what) for at, what in enumerate(CONSEQUENCES)]
    await write(records, *items)
    assert await pending(records) == [replace(item, version=1) for item in items]


async def test_what_follows_from_changes_is_pending_in_their_order(
    records: Records, clock: Clock
) -> None:
    for version in range(3):
        change = Change(records.sessions.write(a_session(version=version)))
        await records.commit(PRACTICE, change, *CONSEQUENCES)
    clock.now -= MINUTE  # clocks go back, the order of one process does not
    await records.commit(PRACTICE, Change(records.sessions.write(a_session(version=3))), READY)
    assert [item.what for item in await pending(records)] == [*CONSEQUENCES * 3, READY]


@pytest.mark.parametrize("what", CONSEQUENCES, ids=lambda what: type(what).__name__)
async def test_each_kind_waits_in_a_queue_of_its_own(records: Records, what: Consequence) -> None:
    await write(records, an_item(what=what, due_at=NOW))
    for queue in OUTBOX_QUEUES:
        found = await records.store.due([queue], NOW, 10)
        assert len(found) == (queue == QUEUES[type(what)])


async def test_only_the_partitions_own_items_are_given(records: Records) -> None:
    theirs = an_item(practice_id=OTHER_PRACTICE)
    await write(records, an_item())
    await write(records, an_item(), partition=session_partition(PRACTICE, "session-2"))
    await write(records, theirs, partition=session_partition(OTHER_PRACTICE, SESSION))
    assert await pending(records) == [an_item(version=1)]
    assert await pending(records, session_partition(PRACTICE, "missing")) == []


async def test_what_follows_is_written_in_any_partition_with_its_change_or_not_at_all(
    records: Records,
) -> None:
    changes = [
        Change(records.sessions.write(a_session())),
        Change(*records.people.new(a_person())),
        Change(records.logins.write(a_login())),
    ]
    for change in changes:
        await records.commit(PRACTICE, change, READY, RunDue(SESSION))
        assert [item.what for item in await pending(records, change.partition)] == [
            READY,
            RunDue(SESSION),
        ]
    late = Change(records.sessions.write(a_session(version=7)))
    with pytest.raises(Stale):
        await records.commit(PRACTICE, late, EraseDue(SESSION))
    assert len(await pending(records)) == 2


async def test_what_follows_is_its_writers_until_the_claim_ends(records: Records) -> None:
    await records.commit(PRACTICE, Change(records.sessions.write(a_session())), READY)
    (placed,) = await records.outbox.pending(PARTITION)
    assert placed.item == OutboxItem("id-1", PRACTICE, READY, NOW + CLAIM, version=1)
    assert await due(records, NOW + CLAIM - SECOND) == []
    assert await due(records, NOW + CLAIM) == ["id-1"]


async def test_the_writer_delivers_what_it_wrote_as_it_is_stored(
    records: Records, clock: Clock
) -> None:
    delivered: list[Placed] = []

    async def deliver(placed: tuple[Placed, ...]) -> None:
        delivered.extend(placed)

    writer = Records(records.store, now=clock, new_id=records.new_id, deliver=deliver)
    change = Change(writer.sessions.write(a_session()))
    await writer.commit(PRACTICE, change, READY, RunDue(SESSION))
    assert tuple(delivered) == await records.outbox.pending(PARTITION)
    with pytest.raises(Stale):
        await writer.commit(PRACTICE, Change(writer.sessions.write(a_session())), READY)
    assert len(delivered) == 2


async def test_a_rewritten_item_keeps_its_place(records: Records) -> None:
    first, second = await write(records, an_item("a"), an_item("b"))
    told = replace(READY, told=("token-1",))
    later = replace(first.item, what=told, attempts=1, due_at=NOW + 2 * MINUTE)
    await commit(records, records.outbox.rewrite(first, later))
    assert await pending(records) == [replace(later, version=2), second.item]


async def test_rewriting_moves_the_moment_an_item_is_due(records: Records) -> None:
    (placed,) = await write(records, an_item(due_at=NOW))
    later = replace(placed.item, due_at=NOW + MINUTE)
    await commit(records, records.outbox.rewrite(placed, later))
    assert await due(records) == []
    assert await due(records, NOW + MINUTE) == ["item-1"]


async def test_of_those_who_claim_an_item_at_once_one_gets_it(
    records: Records, replica: Records
) -> None:
    (placed,) = await write(records, an_item(due_at=NOW))
    won, lost = await at_once(
        *(
            commit(each, each.outbox.rewrite(placed, replace(placed.item, attempts=at)))
            for at, each in enumerate([records, replica] * 3)
        )
    )
    assert lost == [Stale] * 5
    assert await pending(replica) == [replace(placed.item, attempts=won[0], version=2)]


async def test_rewriting_what_is_delivered_is_stale_and_brings_nothing_back(
    records: Records,
) -> None:
    (placed,) = await write(records, an_item())
    await commit(records, records.outbox.delivered(placed))
    with pytest.raises(Stale):
        await commit(records, records.outbox.rewrite(placed, placed.item))
    assert await pending(records) == []


async def test_an_item_is_looked_up_as_it_is_by_now(records: Records) -> None:
    (placed,) = await write(records, an_item())
    later = replace(placed.item, attempts=1)
    await commit(records, records.outbox.rewrite(placed, later))
    assert await records.outbox.as_stored(placed) == replace(placed, item=replace(later, version=2))
    await commit(records, records.outbox.delivered(placed))
    assert await records.outbox.as_stored(placed) is None


async def test_a_partition_may_hold_any_number_of_items_and_none_is_passed_over(
    records: Records,
) -> None:
    count = MOST_ITEMS + 1
    await commit_many(records, *numbered(records, count))
    found = await pending(records)
    assert [item.id for item in found] == [f"{at}" for at in range(count)]


async def test_an_item_that_can_not_be_delivered_is_put_off_however_many_are_before_it(
    records: Records, people_index: PeopleIndex, session_index: SessionIndex
) -> None:
    await commit_many(records, *numbered(records, MOST_ITEMS))
    nobody = an_item("last", what=SessionEntryChanged("nobody"))
    placed, write_it = records.outbox.new(PARTITION, nobody, MOST_ITEMS)
    await commit(records, write_it)
    relay = OutboxRelay(
        records=records,
        doorbell=MemoryDoorbell(),
        session_index=session_index,
        people_index=people_index,
        session_events=MemorySessionEvents(),
        push=MemoryPushSender(),
        recordings=MemoryRecordings(),
        letters=ResetLetters(MemoryMail(), lambda: "secret"),
    )
    await relay.deliver((replace(placed, item=replace(nobody, version=1)),))
    left = await records.outbox.as_stored(placed)
    assert left is not None
    why = "not_found session=nobody"
    assert left.item == replace(nobody, attempts=1, why=why, due_at=NOW + CLAIM, version=2)


async def test_a_new_item_never_takes_the_place_of_another(records: Records) -> None:
    _, write_it = records.outbox.new(PARTITION, an_item(), 7)
    await commit(records, write_it)
    _, again = records.outbox.new(PARTITION, an_item(attempts=9), 7)
    with pytest.raises(Stale):
        await commit(records, again)
    assert await pending(records) == [an_item(version=1)]


async def test_an_item_that_is_delivered_is_forgotten_and_no_other(records: Records) -> None:
    first, second = await write(records, an_item("a"), an_item("b"))
    for _ in range(2):
        await commit(records, records.outbox.delivered(first))
        assert await records.outbox.pending(PARTITION) == (second,)


async def test_delivering_what_somebody_else_has_claimed_forgets_it_all_the_same(
    records: Records,
) -> None:
    (placed,) = await write(records, an_item())
    await commit(records, records.outbox.rewrite(placed, replace(placed.item, attempts=1)))
    await commit(records, records.outbox.delivered(placed))
    assert await pending(records) == []


async def test_an_item_is_due_from_its_moment_on(records: Records) -> None:
    await write(records, an_item(due_at=NOW))
    assert await due(records, NOW - SECOND) == []
    assert await due(records, NOW) == ["item-1"]


async def test_an_item_that_is_delivered_is_not_due(records: Records) -> None:
    (placed,) = await write(records, an_item(due_at=NOW))
    await commit(records, records.outbox.delivered(placed))
    assert await due(records) == []


async def test_items_of_any_practice_are_due_longest_first_up_to_the_limit(
    records: Records,
) -> None:
    for at in range(3):
        item = an_item(f"ours-{at}", due_at=NOW - at * SECOND)
        await write(records, item, partition=session_partition(PRACTICE, f"session-{at}"))
        theirs = an_item(
            f"theirs-{at}", due_at=NOW - at * SECOND - MINUTE, practice_id=OTHER_PRACTICE
        )
        await write(records, theirs, partition=session_partition(OTHER_PRACTICE, f"session-{at}"))
    longest = ["theirs-2", "theirs-1", "theirs-0", "ours-2", "ours-1", "ours-0"]
    assert await due(records) == longest
    assert await due(records, limit=4) == longest[:4]


async def test_no_two_odd_ids_share_an_item(records: Records) -> None:
    await write(records, *(an_item(item_id) for item_id in ODD_IDS))
    assert [item.id for item in await pending(records)] == list(ODD_IDS)


async def test_what_is_no_unicode_is_refused_without_quoting_it(records: Records) -> None:
    for item in (an_item(NO_UNICODE), an_item(what=RunDue(NO_UNICODE))):
        with pytest.raises(InvalidInput) as caught:
            await write(records, item)
        assert "said" not in str(caught.value)
    assert await records.store.list(PARTITION) == ()
