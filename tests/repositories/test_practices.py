"""What `repositories.practices` promises."""

import asyncio

import pytest

from tests.builders import PRACTICE, a_practice
from tests.repositories.changes import ODD_IDS, commit_many
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound
from therapy.domain.people import PatientSees
from therapy.ports.store import MOST_ITEMS
from therapy.repositories.records import Records
from therapy.workflows.accounts import put_practice
from therapy.workflows.practice_settings import change_practice


async def test_a_practice_is_given_as_it_was_written(records: Records) -> None:
    await put_practice(a_practice(language="he"), records=records)
    assert await records.practices.load(PRACTICE) == a_practice(language="he")


async def test_a_practice_may_be_written_again(records: Records) -> None:
    changed = a_practice(patient_sees=PatientSees.NOTHING)
    for practice in (a_practice(), changed, changed):
        await put_practice(practice, records=records)
    assert await records.practices.load(PRACTICE) == changed
    assert await records.practices.all() == (changed,)


async def test_a_change_of_a_practice_holds_at_once_in_another_process(
    records: Records, replica: Records
) -> None:
    await put_practice(a_practice(language="he"), records=records)
    for sees in (PatientSees.NOTHING, PatientSees.WITHOUT_NOTES, PatientSees.FULL):
        changed = await change_practice(PRACTICE, patient_sees=sees, records=records)
        assert changed == a_practice(language="he", patient_sees=sees)
        assert await replica.practices.load(PRACTICE) == changed
        assert await replica.practices.all() == (changed,)


async def test_changes_of_different_settings_at_the_same_moment_all_stay(
    records: Records, replica: Records
) -> None:
    await put_practice(a_practice(), records=records)
    await asyncio.gather(
        change_practice(PRACTICE, patient_sees=PatientSees.NOTHING, records=records),
        change_practice(PRACTICE, language="he", records=replica),
        change_practice(PRACTICE, name=" Of the River ", records=records),
    )
    after = a_practice(name="Of the River", language="he", patient_sees=PatientSees.NOTHING)
    assert await replica.practices.load(PRACTICE) == after
    assert await records.practices.all() == (after,)


async def test_no_two_practices_get_the_same_name(records: Records) -> None:
    for each in (a_practice(), a_practice(id="other", name="Of the River")):
        await put_practice(each, records=records)
    with pytest.raises(AlreadyExists, match="practice_name_taken"):
        await change_practice(PRACTICE, name="of the  river", records=records)
    assert (await change_practice("other", name="of the river", records=records)).id == "other"


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 201}, {"language": "fr"}, {"language": ""}]
)
async def test_what_no_practice_can_have_is_refused(records: Records, wrong) -> None:
    await put_practice(a_practice(), records=records)
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        await change_practice(PRACTICE, **wrong, records=records)
    assert await records.practices.load(PRACTICE) == a_practice()
    with pytest.raises(NotFound):
        await change_practice("nowhere", patient_sees=PatientSees.FULL, records=records)


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
