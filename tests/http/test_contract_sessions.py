"""The mobile contract: closed sessions listed, searched and read."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from tests.builders import PRACTICE, an_entry
from tests.http.clinic import (
    ALEX,
    JAMIE,
    JORDAN,
    NOA,
    OLIVIA,
    check_problem,
    metadata_of,
    open_clinic,
)
from therapy.adapters.local.sqlite.session_index import SqliteSessionIndex
from therapy.domain.people import PatientSees
from therapy.domain.session_status import SessionStatus
from therapy.workflows.accounts import put_practice

ITEM = {
    "id",
    "patientId",
    "patientName",
    "therapistId",
    "therapistName",
    "title",
    "date",
    "descriptionPreview",
    "positive",
    "neutral",
    "negative",
}
DETAILS = {
    "sessionId",
    "therapist_name",
    "therapist_email",
    "patient_id",
    "patient_name",
    "patient_email",
    "patient_date_of_birth",
    "session_date",
    "summary",
    "timed_notes",
    "general_notes",
    "positive",
    "neutral",
    "negative",
    "sentiment_scores",
}


def whole(scores) -> float:
    for name in ("positive", "neutral", "negative"):
        assert isinstance(scores[name], int | float)
        assert 0 <= scores[name] <= 1
    return scores["positive"] + scores["neutral"] + scores["negative"]


@pytest.mark.parametrize("reader", [OLIVIA, JORDAN], ids=["therapist", "patient"])
async def test_the_list_has_the_fields_and_the_date_of_the_contract(clinic, reader):
    session_id = await clinic.closed(summary="s" * 150)
    answer = await clinic.get("/sessions/me", reader)
    assert answer.status_code == 200
    (item,) = answer.json()
    assert set(item) == ITEM
    assert item["id"] == session_id
    assert item["patientId"] == "203948571"
    assert item["patientName"] == "Jordan White"
    assert item["therapistId"] == OLIVIA.id
    assert item["therapistName"] == "Olivia Hayes"
    assert item["date"] == "2026-03-04"
    assert item["descriptionPreview"] == "s" * 100
    assert item["title"]
    assert whole(item) == pytest.approx(1, abs=0.001)


async def test_only_closed_sessions_are_listed_each_to_its_own_people(clinic):
    await clinic.reviewable(session_date="01-01-2026")
    closed = await clinic.closed()
    for reader in (OLIVIA, JORDAN):
        assert [each["id"] for each in (await clinic.get("/sessions/me", reader)).json()] == [
            closed
        ]
    for stranger in (ALEX, JAMIE, NOA):
        assert (await clinic.get("/sessions/me", stranger)).json() == []


class SlowSessionIndex(SqliteSessionIndex):
    """Takes a second to write the entry of a closed session."""

    def __init__(self, index: SqliteSessionIndex) -> None:
        super().__init__(index._database)

    async def put(self, practice_id, entry):
        if entry.state is SessionStatus.CLOSED:
            await asyncio.sleep(1)
        await super().put(practice_id, entry)


@pytest.mark.slow
async def test_a_session_is_listed_once_it_is_closed_however_slow_the_index_is(tmp_path):
    async with open_clinic(tmp_path, wrapped={"session_index": SlowSessionIndex}) as clinic:
        closed = await clinic.closed()
        for reader in (OLIVIA, JORDAN):
            listed = (await clinic.get("/sessions/me", reader)).json()
            assert [each["id"] for each in listed] == [closed]


async def test_lists_are_newest_first_with_at_most_500_and_go_on_before(clinic):
    entries = [
        an_entry(session_id=f"s-{n:04}", therapist_id=OLIVIA.id, patient_person_id=JORDAN.id)
        for n in range(503)
    ]
    for entry in entries:
        await clinic.installation.session_index.put(PRACTICE, entry)
    newest = sorted((entry.session_id for entry in entries), reverse=True)
    for path in ("/sessions/me", "/sessions/search?query=jordan"):
        first = [each["id"] for each in (await clinic.get(path)).json()]
        assert first == newest[:500]
        glue = "&" if "?" in path else "?"
        rest = await clinic.get(f"{path}{glue}before={first[-1]}")
        assert [each["id"] for each in rest.json()] == newest[500:]
    mine = [each["id"] for each in (await clinic.get("/sessions/me", JORDAN)).json()]
    assert mine == newest[:500]


async def test_before_must_be_a_session_of_the_callers_list(clinic):
    session_id = await clinic.closed()
    check_problem(await clinic.get("/sessions/me?before=none"), 400, "before", "before")
    check_problem(
        await clinic.get(f"/sessions/me?before={session_id}", ALEX), 400, "before", "before"
    )


FOUND_BY = [
    "jord",
    "WHITE",
    "203948",
    "olivia",
    "04-03-2026",
    "2026-03-04",
    "first TALK",
    "sist slept",
    "Session 04",
]


@pytest.mark.parametrize("query", FOUND_BY)
async def test_a_session_is_found_by_its_fields_and_by_words_said(clinic, query):
    session_id = await clinic.closed()
    answer = await clinic.get("/sessions/search", params={"query": query})
    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()] == [session_id]
    assert set(answer.json()[0]) == ITEM
    assert (await clinic.get("/sessions/search", ALEX, params={"query": query})).json() == []


async def test_a_session_is_found_in_hebrew(clinic):
    patient = json.dumps({"id": "318274659", "name": "יעל כהן"})
    session_id = await clinic.closed(patient=patient, summary="שיחה על חלומות")
    for query in ("יעל", "חלום", "כהן"):
        found = (await clinic.get("/sessions/search", params={"query": query})).json()
        assert [each["id"] for each in found] == [session_id], query


@pytest.mark.parametrize("query", ["", "  ", "\x00", "nothing like it", "%", "*", '"', "ister"])
async def test_a_search_that_finds_nothing_is_an_empty_array(clinic, query):
    await clinic.closed()
    answer = await clinic.get("/sessions/search", params={"query": query})
    assert (answer.status_code, answer.json()) == (200, [])


async def test_a_patient_may_not_search(clinic):
    check_problem(await clinic.get("/sessions/search?query=a", JORDAN), 403)


@pytest.mark.parametrize("reader", [OLIVIA, JORDAN], ids=["therapist", "patient"])
async def test_details_have_the_fields_and_formats_of_the_contract(clinic, reader):
    session_id = await clinic.closed()
    answer = await clinic.get(f"/sessions/{session_id}/details", reader)
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) >= DETAILS
    assert told["sessionId"] == session_id
    assert told["therapist_name"] == "Olivia Hayes"
    assert told["therapist_email"] == OLIVIA.email
    assert told["patient_id"] == "203948571"
    assert told["patient_name"] == "Jordan White"
    assert told["patient_email"] == "jordan.white1@example.health"
    assert told["patient_date_of_birth"] == "07-05-1990"
    assert told["session_date"] == "04-03-2026"
    assert told["summary"] == "A first talk."
    assert told["timed_notes"] == [{"timestamp": "00:09", "content": "Mentions the sister."}]
    assert told["general_notes"] == ["Came by bus."]
    assert whole(told) == pytest.approx(1, abs=0.001)
    for line in told["sentiment_scores"]:
        assert set(line) == {"speaker", "text", "timestamp", "positive", "neutral", "negative"}
        assert whole(line) == pytest.approx(1, abs=0.001)
        if line["speaker"] != "Patient":
            assert (line["positive"], line["neutral"], line["negative"]) == (0, 1, 0)
    stamps = [line["timestamp"] for line in told["sentiment_scores"]]
    assert stamps == sorted(stamps)
    assert told["positive"] > 0
    assert told["negative"] > 0


async def test_birthday_and_address_of_a_linked_account_fill_what_was_not_typed(clinic):
    session_id = await clinic.closed(
        patient=json.dumps({"id": JORDAN.number, "name": "jordan WHITE"})
    )
    told = (await clinic.get(f"/sessions/{session_id}/details")).json()
    assert told["patient_date_of_birth"] == "07-05-1990"
    assert told["patient_email"] == JORDAN.email


async def test_details_are_not_there_until_the_session_is_closed(clinic):
    session_id = await clinic.session()
    for _ in range(2):
        for reader in (OLIVIA, JORDAN):
            check_problem(await clinic.get(f"/sessions/{session_id}/details", reader), 404)
        await clinic.work()


@pytest.mark.parametrize("sees", list(PatientSees), ids=lambda sees: sees.value)
async def test_a_patient_sees_what_the_practice_shows(clinic, sees):
    session_id = await clinic.closed()
    practice = await clinic.records.practices.load(PRACTICE)
    await put_practice(replace(practice, patient_sees=sees), records=clinic.records)
    listed = (await clinic.get("/sessions/me", JORDAN)).json()
    answer = await clinic.get(f"/sessions/{session_id}/details", JORDAN)
    if sees is PatientSees.NOTHING:
        assert listed == []
        check_problem(answer, 404)
        return
    assert [each["id"] for each in listed] == [session_id]
    told = answer.json()
    assert set(told) >= DETAILS  # keys and types stay
    assert bool(told["general_notes"]) is bool(told["timed_notes"]) is (sees is PatientSees.FULL)
    therapists = (await clinic.get(f"/sessions/{session_id}/details")).json()
    assert therapists["general_notes"] == ["Came by bus."]


async def test_a_language_that_cannot_be_scored_is_said_and_not_made_up(clinic):
    from therapy.adapters.memory.sentiment import MemorySentiment

    assert isinstance(clinic.installation.engines.sentiment, MemorySentiment)
    told = metadata_of(summary="x")
    session_id = await clinic.closed(**told)
    assert (await clinic.get(f"/sessions/{session_id}")).json()["heard"]["sentiment"][
        "not_available_for"
    ] == ""
