"""What `ports.session_index` promises."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from therapy.domain.errors import NotFound
from therapy.domain.sentiment import Scores
from therapy.domain.session_entry import MOST_ENTRIES, SessionEntry, found
from therapy.domain.session_status import SessionStatus
from therapy.domain.text_folding import distinct_words
from therapy.ports.session_index import SessionIndex
from therapy.testing.samples import (
    NOW,
    OTHER_PRACTICE,
    PATIENT,
    PRACTICE,
    SECOND,
    SESSION,
    THERAPIST,
    an_entry,
)
from therapy.testing.strategies import DAY, DAYS, NAMES, OTHER_DAYS, texts
from therapy.testing.strategies import entries as some_entries

EVERY_STATE = tuple(SessionStatus)


async def put(session_index: SessionIndex, *entries: SessionEntry) -> None:
    for entry in entries:
        await session_index.put(entry.practice_id, entry)


async def listed(
    session_index: SessionIndex, *states: SessionStatus, before: str = "", limit: int = 500
) -> list[str]:
    entries = await session_index.of_therapist(
        PRACTICE, THERAPIST, states or EVERY_STATE, before, limit
    )
    return [entry.session_id for entry in entries]


async def search(
    session_index: SessionIndex, query: str, *, before: str = "", limit: int = 500
) -> list[str]:
    entries = await session_index.search(PRACTICE, THERAPIST, query, before, limit)
    return [entry.session_id for entry in entries]


def unlinked(**changes: Any) -> SessionEntry:
    """Return an entry that is in its therapist's list alone: less is to be written than for two lists."""
    return an_entry(patient_person_id="", **changes)


def dated(*days: int) -> list[SessionEntry]:
    return [an_entry(session_id=f"day-{day}", date=date(2026, 3, day)) for day in days]


async def test_an_entry_is_given_as_it_was_written_without_its_words(
    session_index: SessionIndex,
) -> None:
    entry = an_entry(summary="A good week", scores=Scores(0.5, 0.25, 0.25), words=("good", "week"))
    await put(session_index, entry)
    bare = replace(entry, words=())
    assert await session_index.get(PRACTICE, SESSION) == bare
    assert await session_index.of_therapist(PRACTICE, THERAPIST, EVERY_STATE, "", 10) == (bare,)
    assert await session_index.of_patient(PRACTICE, PATIENT, "", 10) == (bare,)
    assert await session_index.search(PRACTICE, THERAPIST, "week", "", 10) == (bare,)


async def test_an_entry_that_is_missing_is_not_found(session_index: SessionIndex) -> None:
    await put(session_index, an_entry())
    with pytest.raises(NotFound):
        await session_index.get(PRACTICE, "missing")
    with pytest.raises(NotFound):
        await session_index.get(OTHER_PRACTICE, SESSION)


async def test_an_entry_with_a_greater_sequence_replaces_the_stored_one(
    session_index: SessionIndex,
) -> None:
    await put(session_index, an_entry(sequence=1), an_entry(sequence=3, title="Newer"))
    assert (await session_index.get(PRACTICE, SESSION)).title == "Newer"
    assert await listed(session_index) == [SESSION]


async def test_an_entry_with_a_smaller_sequence_is_ignored(session_index: SessionIndex) -> None:
    newer = an_entry(sequence=3, title="Newer", words=("newer",))
    await put(session_index, newer, an_entry(sequence=2, title="Older", words=("older",)))
    assert (await session_index.get(PRACTICE, SESSION)).title == "Newer"
    assert await search(session_index, "older") == []
    assert await search(session_index, "newer") == [SESSION]


async def test_the_same_entry_may_be_written_twice(session_index: SessionIndex) -> None:
    await put(session_index, an_entry(words=("calm",)), an_entry(words=("calm",)))
    assert await listed(session_index) == [SESSION]
    assert await search(session_index, "calm") == [SESSION]


async def test_an_entry_that_changes_its_state_leaves_the_old_list(
    session_index: SessionIndex,
) -> None:
    await put(
        session_index,
        an_entry(state=SessionStatus.AWAITING_REVIEW),
        an_entry(state=SessionStatus.CLOSED),
    )
    assert await listed(session_index, SessionStatus.AWAITING_REVIEW) == []
    assert await listed(session_index, SessionStatus.CLOSED) == [SESSION]


async def test_an_entry_that_changes_its_therapist_leaves_the_old_lists(
    session_index: SessionIndex,
) -> None:
    await put(session_index, an_entry(words=("calm",)))
    await put(session_index, an_entry(sequence=2, therapist_id="therapist-2", words=("calm",)))
    assert await listed(session_index) == []
    assert await search(session_index, "calm") == []
    theirs = await session_index.search(PRACTICE, "therapist-2", "calm", "", 10)
    assert [entry.session_id for entry in theirs] == [SESSION]


async def test_an_entry_that_changes_its_patient_leaves_the_old_list(
    session_index: SessionIndex,
) -> None:
    await put(session_index, an_entry(), an_entry(sequence=2, patient_person_id="patient-2"))
    assert await session_index.of_patient(PRACTICE, PATIENT, "", 10) == ()
    assert len(await session_index.of_patient(PRACTICE, "patient-2", "", 10)) == 1


async def test_words_that_are_gone_from_an_entry_find_it_no_more(
    session_index: SessionIndex,
) -> None:
    await put(
        session_index, an_entry(words=("calm", "sleep")), an_entry(sequence=2, words=("sleep",))
    )
    assert await search(session_index, "calm") == []
    assert await search(session_index, "sleep") == [SESSION]


async def test_a_removed_session_is_in_no_list(session_index: SessionIndex) -> None:
    await put(session_index, an_entry(words=("calm",)))
    await session_index.remove(PRACTICE, SESSION)
    assert await listed(session_index) == []
    assert await session_index.of_patient(PRACTICE, PATIENT, "", 10) == ()
    assert await search(session_index, "calm") == []
    assert await search(session_index, "Jordan") == []
    with pytest.raises(NotFound):
        await session_index.get(PRACTICE, SESSION)


async def test_a_write_that_comes_after_the_removal_is_ignored(session_index: SessionIndex) -> None:
    await put(session_index, an_entry(sequence=1))
    await session_index.remove(PRACTICE, SESSION)
    await session_index.remove(PRACTICE, "never-there")
    await put(
        session_index, an_entry(sequence=9, words=("calm",)), an_entry(session_id="never-there")
    )
    assert await listed(session_index) == []
    assert await search(session_index, "calm") == []


async def test_removing_twice_is_no_error_and_touches_nothing_else(
    session_index: SessionIndex,
) -> None:
    await put(session_index, an_entry(), an_entry(session_id="session-2"))
    await put(session_index, an_entry(practice_id=OTHER_PRACTICE))
    await session_index.remove(PRACTICE, SESSION)
    await session_index.remove(PRACTICE, SESSION)
    assert await listed(session_index) == ["session-2"]
    assert (await session_index.get(OTHER_PRACTICE, SESSION)).session_id == SESSION


async def test_a_therapists_list_has_the_wanted_states_only(session_index: SessionIndex) -> None:
    await put(
        session_index, *(an_entry(session_id=state.value, state=state) for state in SessionStatus)
    )
    wanted = {SessionStatus.FAILED, SessionStatus.TRANSCRIBING}
    assert set(await listed(session_index, *wanted)) == {state.value for state in wanted}
    assert len(await listed(session_index)) == len(SessionStatus)


async def test_no_states_give_no_entries(session_index: SessionIndex) -> None:
    await put(session_index, an_entry())
    assert await session_index.of_therapist(PRACTICE, THERAPIST, (), "", 10) == ()


async def test_a_therapists_list_is_nobody_elses(session_index: SessionIndex) -> None:
    await put(
        session_index, an_entry(therapist_id="therapist-2"), an_entry(practice_id=OTHER_PRACTICE)
    )
    assert await listed(session_index) == []


async def test_a_list_is_newest_date_first_whatever_the_state(session_index: SessionIndex) -> None:
    states = (SessionStatus.CLOSED, SessionStatus.FAILED, SessionStatus.CLOSED)
    entries = zip(dated(5, 20, 12), states, strict=True)
    await put(session_index, *(replace(entry, state=state) for entry, state in entries))
    assert await listed(session_index) == ["day-20", "day-12", "day-5"]


async def test_entries_of_one_day_are_latest_received_first(session_index: SessionIndex) -> None:
    moments = {"first": NOW, "third": NOW + 2 * SECOND, "second": NOW + SECOND}
    await put(
        session_index, *(an_entry(session_id=name, created_at=at) for name, at in moments.items())
    )
    assert await listed(session_index) == ["third", "second", "first"]


async def test_a_list_goes_on_after_the_entry_it_is_asked_to(session_index: SessionIndex) -> None:
    await put(session_index, *dated(1, 2, 3, 4))
    key = dated(3)[0].sort_key
    assert await listed(session_index, before=key) == ["day-2", "day-1"]
    patients = await session_index.of_patient(PRACTICE, PATIENT, key, 10)
    assert [entry.session_id for entry in patients] == ["day-2", "day-1"]
    assert await search(session_index, "Jordan", before=key) == ["day-2", "day-1"]


async def test_no_list_is_longer_than_asked_for(session_index: SessionIndex) -> None:
    await put(session_index, *dated(1, 2, 3))
    for limit in (0, 1, 2):
        expected = ["day-3", "day-2"][:limit]
        assert await listed(session_index, limit=limit) == expected
        patients = await session_index.of_patient(PRACTICE, PATIENT, "", limit)
        assert [entry.session_id for entry in patients] == expected
        for query in ("Jordan", "Jo"):
            assert await search(session_index, query, limit=limit) == expected


async def test_no_list_is_longer_than_500(session_index: SessionIndex) -> None:
    await put(
        session_index,
        *(unlinked(session_id=f"session-{number}") for number in range(MOST_ENTRIES + 1)),
    )
    assert len(await listed(session_index, limit=MOST_ENTRIES + 1)) == MOST_ENTRIES


async def test_a_patient_sees_closed_sessions_only(session_index: SessionIndex) -> None:
    for state in SessionStatus:
        await put(session_index, an_entry(session_id=state.value, state=state))
    entries = await session_index.of_patient(PRACTICE, PATIENT, "", 10)
    assert [entry.session_id for entry in entries] == [SessionStatus.CLOSED.value]


async def test_a_session_without_a_linked_account_is_in_no_patients_list(
    session_index: SessionIndex,
) -> None:
    await put(session_index, an_entry(patient_person_id=""))
    assert await session_index.of_patient(PRACTICE, "", "", 10) == ()


async def test_a_patients_list_is_nobody_elses(session_index: SessionIndex) -> None:
    await put(
        session_index, an_entry(practice_id=OTHER_PRACTICE), an_entry(patient_person_id="patient-2")
    )
    assert await session_index.of_patient(PRACTICE, PATIENT, "", 10) == ()


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
    session_index: SessionIndex, query: str, finds: bool
) -> None:
    entry = unlinked(summary="Anxious, 100% of the time", words=SPOKEN)
    await put(session_index, entry)
    assert found(entry, query) is finds
    assert await search(session_index, query) == ([SESSION] if finds else [])


@pytest.mark.parametrize(
    ("query", "finds"),
    [("x", True), ("x ק", True), ("x q", False), ("q", False), ("ze q", True), ("zq x", False)],
)
async def test_a_single_letter_is_a_whole_word_that_was_said_or_no_condition(
    session_index: SessionIndex, query: str, finds: bool
) -> None:
    entry = unlinked(words=("qqq", "x", "zebra", "ק"))
    await put(session_index, entry)
    assert found(entry, query) is finds
    assert await search(session_index, query) == ([SESSION] if finds else [])


@pytest.mark.parametrize(("name", "query"), NAMES)
async def test_a_search_finds_names_however_they_are_written(
    session_index: SessionIndex, name: str, query: str
) -> None:
    named = [
        unlinked(session_id="session-2", patient_name=name),
        unlinked(session_id="session-1", therapist_name=name),
    ]
    await put(session_index, *named, unlinked(session_id="another"))
    assert all(found(entry, query) for entry in named)
    assert sorted(await search(session_index, query)) == ["session-1", "session-2"]


@pytest.mark.parametrize("query", [*DAYS, *OTHER_DAYS])
async def test_a_search_finds_days_however_they_are_written(
    session_index: SessionIndex, query: str
) -> None:
    entry = unlinked(date=DAY, title=f"Session {DAY:%d-%m-%Y}")
    await put(session_index, entry, unlinked(session_id="another", date=date(2024, 5, 12)))
    assert found(entry, query) is (query in DAYS)
    assert await search(session_index, query) == ([SESSION] if query in DAYS else [])


async def test_a_search_is_in_the_therapists_own_closed_sessions_only(
    session_index: SessionIndex,
) -> None:
    for state in SessionStatus:
        await put(session_index, an_entry(session_id=state.value, state=state, words=("calm",)))
    await put(
        session_index, an_entry(session_id="theirs", therapist_id="therapist-2", words=("calm",))
    )
    await put(session_index, an_entry(practice_id=OTHER_PRACTICE, words=("calm",)))
    assert await search(session_index, "calm") == [SessionStatus.CLOSED.value]
    assert await search(session_index, "Jordan") == [SessionStatus.CLOSED.value]
    theirs = await session_index.search(PRACTICE, "therapist-2", "calm", "", 10)
    assert [entry.session_id for entry in theirs] == ["theirs"]
    assert await session_index.search(PRACTICE, "therapist-3", "calm", "", 10) == ()


PRACTICES = iter(range(10**9))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_a_search_always_agrees_with_the_domain(
    session_index: SessionIndex, data: st.DataObject
) -> None:
    practice_id = f"practice-{next(PRACTICES)}"
    entries = data.draw(
        st.lists(some_entries(practice_id), max_size=4, unique_by=lambda entry: entry.session_id)
    )
    said = [word for entry in entries for word in entry.words]
    part = st.sampled_from(said).map(lambda word: word[:2]) if said else texts
    query = data.draw(texts | part | st.tuples(part, part).map(" ".join))
    await put(session_index, *entries)
    wanted = [
        entry for entry in entries if entry.state is SessionStatus.CLOSED and found(entry, query)
    ]
    wanted.sort(key=lambda entry: entry.sort_key, reverse=True)
    given_entries = await session_index.search(practice_id, THERAPIST, query, "", 10)
    assert given_entries == tuple(replace(entry, words=()) for entry in wanted)
