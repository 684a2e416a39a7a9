"""What `repositories.practices` promises."""

import pytest

from tests.builders import PRACTICE, a_practice
from tests.repositories.changes import ODD_IDS, commit_many
from therapy.domain.errors import NotFound
from therapy.domain.people import PatientSees
from therapy.ports.store import MOST_ITEMS
from therapy.repositories.records import Records
from therapy.workflows.accounts import put_practice


async def test_a_practice_is_given_as_it_was_written(records: Records) -> None:
    await put_practice(a_practice(language="he"), records=records)
    assert await records.practices.load(PRACTICE) == a_practice(language="he")


async def test_a_practice_may_be_written_again(records: Records) -> None:
    changed = a_practice(patient_sees=PatientSees.NOTHING)
    for practice in (a_practice(), changed, changed):
        await put_practice(practice, records=records)
    assert await records.practices.load(PRACTICE) == changed
    assert await records.practices.all() == (changed,)


async def test_a_practice_that_is_missing_is_not_found(records: Records) -> None:
    with pytest.raises(NotFound):
        await records.practices.load(PRACTICE)
    assert await records.practices.all() == ()


async def test_all_practices_come_in_order_of_their_ids_however_many(records: Records) -> None:
    count = MOST_ITEMS + 1
    practices = [a_practice(id=f"p{at:05}") for at in reversed(range(count))]
    await commit_many(records, *(records.practices.list_entry(each) for each in practices))
    assert [each.id for each in await records.practices.all()] == [
        f"p{at:05}" for at in range(count)
    ]


async def test_no_two_odd_ids_share_a_practice(records: Records) -> None:
    practices = {each: a_practice(id=each, name=f"Of {each!r}") for each in ODD_IDS}
    for practice in practices.values():
        await put_practice(practice, records=records)
    for practice_id, practice in practices.items():
        assert await records.practices.load(practice_id) == practice
    assert {each.id: each for each in await records.practices.all()} == practices
