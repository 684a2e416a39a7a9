"""What `ports.rows` promises."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.builders import (
    NOW,
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    SECOND,
    SESSION,
    THERAPIST,
    a_row,
)
from tests.contract.conftest import Family
from tests.strategies import rows as some_rows
from tests.strategies import texts
from therapy.domain.errors import NotFound
from therapy.domain.listing import MOST_ROWS, Row, found
from therapy.domain.sentiment import Scores
from therapy.domain.status import ApiState
from therapy.domain.words import distinct_words

EVERY_STATE = tuple(ApiState)


async def put(family: Family, *rows: Row) -> None:
    for row in rows:
        await family.rows.put(row.practice_id, row)


async def listed(
    family: Family, *states: ApiState, before: str = "", limit: int = 500
) -> list[str]:
    rows = await family.rows.of_therapist(PRACTICE, THERAPIST, states or EVERY_STATE, before, limit)
    return [row.session_id for row in rows]


async def search(family: Family, query: str, *, before: str = "", limit: int = 500) -> list[str]:
    rows = await family.rows.search(PRACTICE, THERAPIST, query, before, limit)
    return [row.session_id for row in rows]


def dated(*days: int) -> list[Row]:
    return [a_row(session_id=f"day-{day}", date=date(2026, 3, day)) for day in days]


async def test_a_row_is_given_as_it_was_written_without_its_words(family: Family) -> None:
    row = a_row(summary="A good week", scores=Scores(0.5, 0.25, 0.25), words=("good", "week"))
    await put(family, row)
    bare = replace(row, words=())
    assert await family.rows.get(PRACTICE, SESSION) == bare
    assert await family.rows.of_therapist(PRACTICE, THERAPIST, EVERY_STATE, "", 10) == (bare,)
    assert await family.rows.of_patient(PRACTICE, PATIENT, "", 10) == (bare,)
    assert await family.rows.search(PRACTICE, THERAPIST, "week", "", 10) == (bare,)


async def test_a_row_that_is_missing_is_not_found(family: Family) -> None:
    await put(family, a_row())
    with pytest.raises(NotFound):
        await family.rows.get(PRACTICE, "missing")
    with pytest.raises(NotFound):
        await family.rows.get(OTHER_PRACTICE, SESSION)


async def test_a_row_with_a_greater_sequence_replaces_the_stored_one(family: Family) -> None:
    await put(family, a_row(sequence=1), a_row(sequence=3, title="Newer"))
    assert (await family.rows.get(PRACTICE, SESSION)).title == "Newer"
    assert await listed(family) == [SESSION]


async def test_a_row_with_a_smaller_sequence_is_ignored(family: Family) -> None:
    newer = a_row(sequence=3, title="Newer", words=("newer",))
    await put(family, newer, a_row(sequence=2, title="Older", words=("older",)))
    assert (await family.rows.get(PRACTICE, SESSION)).title == "Newer"
    assert await search(family, "older") == []
    assert await search(family, "newer") == [SESSION]


async def test_the_same_row_may_be_written_twice(family: Family) -> None:
    await put(family, a_row(words=("calm",)), a_row(words=("calm",)))
    assert await listed(family) == [SESSION]
    assert await search(family, "calm") == [SESSION]


async def test_a_row_that_changes_its_state_leaves_the_old_list(family: Family) -> None:
    await put(family, a_row(state=ApiState.AWAITING_REVIEW), a_row(state=ApiState.CLOSED))
    assert await listed(family, ApiState.AWAITING_REVIEW) == []
    assert await listed(family, ApiState.CLOSED) == [SESSION]


async def test_a_row_that_changes_its_therapist_leaves_the_old_lists(family: Family) -> None:
    await put(family, a_row(words=("calm",)))
    await put(family, a_row(sequence=2, therapist_id="therapist-2", words=("calm",)))
    assert await listed(family) == []
    assert await search(family, "calm") == []
    theirs = await family.rows.search(PRACTICE, "therapist-2", "calm", "", 10)
    assert [row.session_id for row in theirs] == [SESSION]


async def test_a_row_that_changes_its_patient_leaves_the_old_list(family: Family) -> None:
    await put(family, a_row(), a_row(sequence=2, patient_person_id="patient-2"))
    assert await family.rows.of_patient(PRACTICE, PATIENT, "", 10) == ()
    assert len(await family.rows.of_patient(PRACTICE, "patient-2", "", 10)) == 1


async def test_words_that_are_gone_from_a_row_find_it_no_more(family: Family) -> None:
    await put(family, a_row(words=("calm", "sleep")), a_row(sequence=2, words=("sleep",)))
    assert await search(family, "calm") == []
    assert await search(family, "sleep") == [SESSION]


async def test_a_removed_session_is_in_no_list(family: Family) -> None:
    await put(family, a_row(words=("calm",)))
    await family.rows.remove(PRACTICE, SESSION)
    assert await listed(family) == []
    assert await family.rows.of_patient(PRACTICE, PATIENT, "", 10) == ()
    assert await search(family, "calm") == []
    assert await search(family, "Jordan") == []
    with pytest.raises(NotFound):
        await family.rows.get(PRACTICE, SESSION)


async def test_a_write_that_comes_after_the_removal_is_ignored(family: Family) -> None:
    await put(family, a_row(sequence=1))
    await family.rows.remove(PRACTICE, SESSION)
    await family.rows.remove(PRACTICE, "never-there")
    await put(family, a_row(sequence=9, words=("calm",)), a_row(session_id="never-there"))
    assert await listed(family) == []
    assert await search(family, "calm") == []


async def test_removing_twice_is_no_error_and_touches_nothing_else(family: Family) -> None:
    await put(family, a_row(), a_row(session_id="session-2"))
    await put(family, a_row(practice_id=OTHER_PRACTICE))
    await family.rows.remove(PRACTICE, SESSION)
    await family.rows.remove(PRACTICE, SESSION)
    assert await listed(family) == ["session-2"]
    assert (await family.rows.get(OTHER_PRACTICE, SESSION)).session_id == SESSION


async def test_a_therapists_list_has_the_wanted_states_only(family: Family) -> None:
    await put(family, *(a_row(session_id=state.value, state=state) for state in ApiState))
    wanted = {ApiState.FAILED, ApiState.TRANSCRIBING}
    assert set(await listed(family, *wanted)) == {state.value for state in wanted}
    assert len(await listed(family)) == len(ApiState)


async def test_no_states_give_no_rows(family: Family) -> None:
    await put(family, a_row())
    assert await family.rows.of_therapist(PRACTICE, THERAPIST, (), "", 10) == ()


async def test_a_therapists_list_is_nobody_elses(family: Family) -> None:
    await put(family, a_row(therapist_id="therapist-2"), a_row(practice_id=OTHER_PRACTICE))
    assert await listed(family) == []


async def test_a_list_is_newest_date_first_whatever_the_state(family: Family) -> None:
    states = (ApiState.CLOSED, ApiState.FAILED, ApiState.CLOSED)
    rows = zip(dated(5, 20, 12), states, strict=True)
    await put(family, *(replace(row, state=state) for row, state in rows))
    assert await listed(family) == ["day-20", "day-12", "day-5"]


async def test_rows_of_one_day_are_latest_received_first(family: Family) -> None:
    moments = {"first": NOW, "third": NOW + 2 * SECOND, "second": NOW + SECOND}
    await put(family, *(a_row(session_id=name, created_at=at) for name, at in moments.items()))
    assert await listed(family) == ["third", "second", "first"]


async def test_a_list_goes_on_after_the_row_it_is_asked_to(family: Family) -> None:
    await put(family, *dated(1, 2, 3, 4))
    key = dated(3)[0].sort_key
    assert await listed(family, before=key) == ["day-2", "day-1"]
    patients = await family.rows.of_patient(PRACTICE, PATIENT, key, 10)
    assert [row.session_id for row in patients] == ["day-2", "day-1"]
    assert await search(family, "Jordan", before=key) == ["day-2", "day-1"]


async def test_no_list_is_longer_than_asked_for(family: Family) -> None:
    await put(family, *dated(1, 2, 3))
    for limit in (0, 1, 2):
        expected = ["day-3", "day-2"][:limit]
        assert await listed(family, limit=limit) == expected
        patients = await family.rows.of_patient(PRACTICE, PATIENT, "", limit)
        assert [row.session_id for row in patients] == expected
        assert await search(family, "Jordan", limit=limit) == expected


async def test_no_list_is_longer_than_500(family: Family) -> None:
    await put(family, *(a_row(session_id=f"session-{number}") for number in range(MOST_ROWS + 1)))
    assert len(await listed(family, limit=MOST_ROWS + 1)) == MOST_ROWS


async def test_a_patient_sees_closed_sessions_only(family: Family) -> None:
    for state in ApiState:
        await put(family, a_row(session_id=state.value, state=state))
    rows = await family.rows.of_patient(PRACTICE, PATIENT, "", 10)
    assert [row.session_id for row in rows] == [ApiState.CLOSED.value]


async def test_a_session_without_a_linked_account_is_in_no_patients_list(family: Family) -> None:
    await put(family, a_row(patient_person_id=""))
    assert await family.rows.of_patient(PRACTICE, "", "", 10) == ()


async def test_a_patients_list_is_nobody_elses(family: Family) -> None:
    await put(family, a_row(practice_id=OTHER_PRACTICE), a_row(patient_person_id="patient-2"))
    assert await family.rows.of_patient(PRACTICE, PATIENT, "", 10) == ()


SPOKEN = distinct_words(["I don't sleep well.", "חלמתי על צה״ל בַּלַּיְלָה"])


@pytest.mark.parametrize(
    ("query", "finds"),
    [
        ("jordan", True),
        ("DAN WHI", True),
        ("  Jordan   White ", True),
        ("3948", True),
        ("olivia", True),
        ("2026-03", True),
        ("04-03-2026", True),
        ("anxious", True),
        ("100%", True),
        ("10_%", False),
        ("%", True),
        ("_", False),
        ("slee", True),
        ("well slee", True),
        ("dont", True),
        ("don't", True),
        ("leep", False),
        ("sleep badly", False),
        ("חלמת", True),
        ("לילה", False),
        ("בלילה", True),
        ('צה"ל', True),
        ("", False),
        ("  ", False),
        ("!?", False),
        ('" OR "', False),
        ("sleep*", True),
        ("sle* NOT well", False),
        ("jordan\nwhite", True),
        ("white\n203948571", False),
        ("x" * 5_000, False),
        (" ".join("abcdefghijklmnopqrstuvwxyz" * 40), False),
    ],
)
async def test_a_search_finds_parts_of_fields_and_beginnings_of_words(
    family: Family, query: str, finds: bool
) -> None:
    row = a_row(summary="Anxious, 100% of the time", words=SPOKEN)
    await put(family, row)
    assert found(row, query) is finds
    assert await search(family, query) == ([SESSION] if finds else [])


async def test_a_search_is_in_the_therapists_own_closed_sessions_only(family: Family) -> None:
    for state in ApiState:
        await put(family, a_row(session_id=state.value, state=state, words=("calm",)))
    await put(family, a_row(session_id="theirs", therapist_id="therapist-2", words=("calm",)))
    await put(family, a_row(practice_id=OTHER_PRACTICE, words=("calm",)))
    assert await search(family, "calm") == [ApiState.CLOSED.value]
    assert await search(family, "Jordan") == [ApiState.CLOSED.value]
    theirs = await family.rows.search(PRACTICE, "therapist-2", "calm", "", 10)
    assert [row.session_id for row in theirs] == ["theirs"]
    assert await family.rows.search(PRACTICE, "therapist-3", "calm", "", 10) == ()


PRACTICES = iter(range(10**9))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_a_search_always_agrees_with_the_domain(family: Family, data: st.DataObject) -> None:
    practice_id = f"practice-{next(PRACTICES)}"
    rows = data.draw(
        st.lists(some_rows(practice_id), max_size=4, unique_by=lambda row: row.session_id)
    )
    said = [word for row in rows for word in row.words]
    part = st.sampled_from(said).map(lambda word: word[:2]) if said else texts
    query = data.draw(texts | part | st.tuples(part, part).map(" ".join))
    await put(family, *rows)
    wanted = [row for row in rows if row.state is ApiState.CLOSED and found(row, query)]
    wanted.sort(key=lambda row: row.sort_key, reverse=True)
    given_rows = await family.rows.search(practice_id, THERAPIST, query, "", 10)
    assert given_rows == tuple(replace(row, words=()) for row in wanted)
