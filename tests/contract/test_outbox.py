"""What `ports.outbox` promises."""

from msgspec.structs import replace

from tests.builders import MINUTE, NOW, OTHER_PRACTICE, PRACTICE, SECOND, SESSION, an_item
from tests.contract.conftest import Family
from therapy.domain.outbox import (
    EntryChanged,
    EraseDue,
    OutboxItem,
    PushDue,
    PushKind,
    RunDue,
    SessionRef,
)
from therapy.ports.sessions import Change


async def written(family: Family, *items: OutboxItem, practice_id: str = PRACTICE) -> None:
    for item in items:
        await family.sessions.commit(practice_id, item.session_id, Change(outbox=(item,)))


async def test_items_are_pending_in_the_order_in_which_they_were_written(family: Family) -> None:
    kinds = (RunDue(), EntryChanged(), PushDue(PushKind.SESSION_READY, "someone"), EraseDue())
    items = tuple(an_item(f"item-{9 - at}", what=what) for at, what in enumerate(kinds))
    await family.sessions.commit(PRACTICE, SESSION, Change(outbox=items[:3]))
    await family.sessions.commit(PRACTICE, SESSION, Change(outbox=items[3:]))
    assert await family.outbox.pending(PRACTICE, SESSION) == items


async def test_only_the_sessions_own_items_are_given(family: Family) -> None:
    await written(family, an_item(), an_item(session_id="session-2"))
    await written(family, an_item(), practice_id=OTHER_PRACTICE)
    assert await family.outbox.pending(PRACTICE, SESSION) == (an_item(),)
    assert await family.outbox.pending(PRACTICE, "missing") == ()


async def test_an_update_replaces_an_item_in_its_place(family: Family) -> None:
    await written(family, an_item("a"), an_item("b"))
    told = PushDue(PushKind.SESSION_READY, "someone", told=("token-1",))
    later = an_item("a", what=told, attempts=1, due_at=NOW + 2 * MINUTE)
    await family.outbox.update(PRACTICE, later)
    assert await family.outbox.pending(PRACTICE, SESSION) == (later, an_item("b"))


async def test_an_update_moves_the_moment_an_item_is_due(family: Family) -> None:
    await written(family, an_item(due_at=NOW))
    await family.outbox.update(PRACTICE, an_item(due_at=NOW + MINUTE))
    assert await family.outbox.overdue(NOW, 10) == ()
    assert await family.outbox.overdue(NOW + MINUTE, 10) == (SessionRef(PRACTICE, SESSION),)


async def test_updating_what_is_gone_is_no_error_and_brings_nothing_back(family: Family) -> None:
    await written(family, an_item())
    await family.outbox.done(PRACTICE, SESSION, "item-1")
    await family.outbox.update(PRACTICE, an_item())
    await family.outbox.update(PRACTICE, an_item(session_id="missing"))
    assert await family.outbox.pending(PRACTICE, SESSION) == ()
    assert await family.outbox.pending(PRACTICE, "missing") == ()


async def test_an_item_that_is_done_is_forgotten_and_no_other(family: Family) -> None:
    await written(family, an_item("a"), an_item("b"))
    await family.outbox.done(PRACTICE, SESSION, "a")
    assert await family.outbox.pending(PRACTICE, SESSION) == (an_item("b"),)


async def test_being_done_twice_is_no_error(family: Family) -> None:
    await written(family, an_item())
    await family.outbox.done(PRACTICE, SESSION, "item-1")
    await family.outbox.done(PRACTICE, SESSION, "item-1")
    await family.outbox.done(PRACTICE, "missing", "item-1")
    assert await family.outbox.pending(PRACTICE, SESSION) == ()


async def test_a_session_is_overdue_from_its_items_moment_on(family: Family) -> None:
    await written(family, an_item(due_at=NOW))
    assert await family.outbox.overdue(NOW - SECOND, 10) == ()
    assert await family.outbox.overdue(NOW, 10) == (SessionRef(PRACTICE, SESSION),)


async def test_a_session_with_several_overdue_items_is_given_once(family: Family) -> None:
    items = [an_item(f"item-{number}", due_at=NOW) for number in range(3)]
    await written(family, *items, an_item(session_id="session-2", due_at=NOW))
    refs = await family.outbox.overdue(NOW, 2)
    assert set(refs) == {SessionRef(PRACTICE, SESSION), SessionRef(PRACTICE, "session-2")}
    assert len(refs) == 2


async def test_a_session_whose_items_are_done_is_not_overdue(family: Family) -> None:
    await written(family, an_item(due_at=NOW))
    await family.outbox.done(PRACTICE, SESSION, "item-1")
    assert await family.outbox.overdue(NOW, 10) == ()


async def test_sessions_of_any_practice_are_overdue_up_to_the_limit(family: Family) -> None:
    for number in range(3):
        item = an_item(session_id=f"session-{number}", due_at=NOW)
        await written(family, item)
        await written(family, replace(item, practice_id=OTHER_PRACTICE), practice_id=OTHER_PRACTICE)
    assert len(await family.outbox.overdue(NOW, 10)) == 6
    assert len(await family.outbox.overdue(NOW, 4)) == 4
    assert await family.outbox.overdue(NOW, 0) == ()
