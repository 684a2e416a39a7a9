"""Drafts on each family: parts of one moment only, and nothing of a draft that is over."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.builders import DAY, NOW, PRACTICE, SESSION, THERAPIST
from therapy.domain.draft import Draft, LineChange
from therapy.domain.errors import Stale, Unavailable
from therapy.ports.store import Delete
from therapy.repositories.change import Change
from therapy.repositories.drafts import FORGOTTEN, StoredDraft
from therapy.repositories.records import Records
from therapy.repositories.sessions import session_partition

IN_SESSION = session_partition(PRACTICE, SESSION)
OWNER = PRACTICE, SESSION, THERAPIST
EMPTY = StoredDraft(None, {})


def a_draft(revision="r1", **changes):
    return replace(Draft(*OWNER, revision, NOW, base_version=1), **changes)


def parts(*texts):
    return {f"{at:02}": (LineChange(at * 300_000, text=text),) for at, text in enumerate(texts)}


async def save(records, draft, parts, before):
    await Change(*records.drafts.save(draft, parts, before)).commit(records.store)
    return await records.drafts.load(*OWNER)


async def test_a_draft_is_read_as_it_was_saved(records: Records, replica: Records) -> None:
    stored = await save(records, a_draft(), parts("a", "b"), EMPTY)
    assert stored.draft == a_draft(parts={"00": "r1", "01": "r1"}, version=1)
    assert stored.parts == parts("a", "b")
    stored = await save(records, a_draft("r2"), parts("a", "c"), stored)
    assert stored.draft.parts == {"00": "r1", "01": "r2"}
    stored = await save(records, a_draft("r3"), parts("a"), stored)
    assert await replica.drafts.load(*OWNER) == stored
    assert stored.parts == parts("a")
    listed = await records.store.list(IN_SESSION, "draft-")
    assert [each.id.rpartition("|")[2] for each in listed] == ["head", "part-00"]


async def test_people_whose_ids_begin_alike_have_drafts_of_their_own(records: Records) -> None:
    await save(records, a_draft(), parts("a"), EMPTY)
    for other in (f"{THERAPIST}2", THERAPIST[:-1], f"{THERAPIST}|head"):
        assert await records.drafts.load(PRACTICE, SESSION, other) == EMPTY


async def test_of_two_who_save_at_once_one_is_stale_and_changes_nothing(records: Records) -> None:
    stored = await save(records, a_draft(), parts("a"), EMPTY)
    after = await save(records, a_draft("r2"), parts("b", "c"), stored)
    with pytest.raises(Stale):
        await save(records, a_draft("r3"), parts("d"), stored)
    with pytest.raises(Stale):
        await save(records, a_draft("r4"), parts("d"), EMPTY)
    assert await records.drafts.load(*OWNER) == after


async def test_what_is_over_leaves_no_content_and_is_never_taken_for_the_next_one(
    records: Records, clock
) -> None:
    stored = await save(records, a_draft(), parts("a", "b"), EMPTY)
    await Change(*records.drafts.end(stored, "r2", clock.now)).commit(records.store)
    over = await records.drafts.load(*OWNER)
    assert (over.draft.is_open, over.parts) == (False, {})
    assert [
        each.id.rpartition("|")[2] for each in await records.store.list(IN_SESSION, "draft-")
    ] == ["head"]
    with pytest.raises(Stale):  # a save that is late
        await save(records, a_draft("r3"), parts("a"), stored)
    again = await save(records, a_draft("r4"), parts("z"), over)
    assert again.draft.version == stored.draft.version + 2
    await Change(*records.drafts.end(again, "r5", clock.now)).commit(records.store)
    clock.now += FORGOTTEN + timedelta(seconds=1)
    assert await records.drafts.load(*OWNER) == EMPTY
    assert FORGOTTEN == DAY
    assert records.drafts.end(EMPTY, "r6", clock.now) == ()


async def test_parts_that_are_not_of_one_moment_are_never_shown(records: Records) -> None:
    stored = await save(records, a_draft(), parts("a", "b"), EMPTY)
    head, *_ = records.drafts.save(a_draft("r2"), parts("a", "c"), stored)
    await Change(head).commit(records.store)  # as if the other part were still on its way
    with pytest.raises(Unavailable):
        await records.drafts.load(*OWNER)
    await records.store.commit(
        IN_SESSION, [Delete(id=each.id) for each in await records.store.list(IN_SESSION, "draft-")]
    )
