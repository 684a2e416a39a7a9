"""What the API has beyond the mobile contract: states, retry, correction, cancelling."""

import asyncio
import json
from dataclasses import replace

import pytest

from tests.builders import PRACTICE
from tests.http.clinic import (
    JAMIE,
    JORDAN,
    NOTHING,
    OLIVIA,
    account,
    add_signed_in,
    as_the_app,
    check_problem,
    left_behind,
    metadata_of,
    open_clinic,
)
from therapy.adapters.memory.insights import MemoryInsightFinder
from therapy.adapters.memory.sentiment import MemorySentiment
from therapy.adapters.memory.speech import MemorySpeech
from therapy.domain.errors import EngineFailed
from therapy.domain.insights import Part
from therapy.domain.people import Role
from therapy.domain.session_status import AWAITED_KINDS


async def state_of(clinic, session_id):
    return (await clinic.get(f"/sessions/{session_id}")).json()["state"]


async def test_a_session_says_how_far_it_is_from_beginning_to_end(clinic):
    session_id = await clinic.session()
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (told["state"], told["stage"], told["progress"]) == ("awaiting_transcript", "queued", 0)
    assert told["failure"] is None
    assert told["heard"] is None
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (told["state"], told["progress"]) == ("awaiting_review", 1)
    heard = told["heard"]
    assert {voice["voice"] for voice in heard["voices"]} >= {"0", "1"}
    assert 0 <= heard["role_confidence"] <= 1
    assert heard["talk"]
    assert heard["sentiment"]["not_available_for"] == ""
    lines = (await clinic.get(f"/data/transcript/{session_id}")).json()["transcript"]
    await clinic.ask("PUT", f"/data/transcript/{session_id}", json=lines)
    assert await state_of(clinic, session_id) == "closing"
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert told["state"] == "closed"
    assert told["closed_at"]


async def test_sessions_are_listed_by_state(clinic):
    waiting = await clinic.session()
    closed = await clinic.closed()  # which works on the other one too
    listed = (await clinic.get("/sessions")).json()
    assert {each["id"] for each in listed["sessions"]} == {waiting, closed}
    assert listed["next"] is None
    for states, ids in (("closed", {closed}), ("awaiting_review", {waiting}), ("failed", set())):
        answer = (await clinic.get("/sessions", params={"state": states})).json()
        assert {each["id"] for each in answer["sessions"]} == ids
    both = await clinic.get("/sessions?state=closed&state=awaiting_review")
    assert len(both.json()["sessions"]) == 2
    check_problem(await clinic.get("/sessions", JORDAN), 403)


async def test_a_long_list_is_paged(clinic):
    from tests.builders import an_entry

    for number in range(130):
        entry = an_entry(session_id=f"s-{number:03}", therapist_id=OLIVIA.id)
        await clinic.installation.session_index.put(PRACTICE, entry)
    first = (await clinic.get("/sessions")).json()
    rest = (await clinic.get("/sessions", params={"before": first["next"]})).json()
    ids = [each["id"] for each in first["sessions"] + rest["sessions"]]
    assert ids == [f"s-{number:03}" for number in reversed(range(130))]
    assert rest["next"] is None


async def test_a_failed_session_is_tried_again(tmp_path):
    speech = MemorySpeech(failure=EngineFailed("model", transient=False))
    async with open_clinic(tmp_path, speech=speech) as clinic:
        session_id = await clinic.session()
        await clinic.work()
        told = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (told["state"], told["failure"]["code"]) == ("failed", "model")
        assert told["failure"]["reason"] != told["failure"]["advice"]
        speech.failure = None
        answer = await clinic.post(f"/sessions/{session_id}/retry")
        assert answer.status_code == 202
        assert "again" in answer.json()["message"]
        check_problem(await clinic.post(f"/sessions/{session_id}/retry"), 409, "not_failed")
        await clinic.work()
        assert await state_of(clinic, session_id) == "awaiting_review"


async def test_a_session_is_tried_again_in_the_languages_that_are_spoken(tmp_path):
    async with open_clinic(tmp_path) as clinic:
        session_id = await clinic.session(languages=["ru-RU"])
        await clinic.work()
        told = (await clinic.get(f"/sessions/{session_id}")).json()
        assert told["failure"]["code"] == "language"
        again = f"/sessions/{session_id}/retry"
        for wrong in (["not a tag"], ["he", "en", "fr", "de", "es"], "he-IL"):
            refused = await clinic.post(again, json={"languages": wrong})
            assert refused.status_code == 400, wrong
        assert (await clinic.post(again, json={"languages": ["he-IL"]})).status_code == 202
        await clinic.work()
        assert await state_of(clinic, session_id) == "awaiting_review"
        (run, _) = await clinic.records.runs.of_session(PRACTICE, session_id)
        session = await clinic.records.sessions.load(PRACTICE, session_id)
        assert run.languages == session.languages == ("he-IL",)


@pytest.mark.parametrize("wrong", [["x"], ["en_US"], ["en-US"] * 3 + ["a-b"], "en-US", [""]])
async def test_languages_that_are_none_are_refused_by_name(tmp_path, wrong):
    async with open_clinic(tmp_path) as clinic:
        answer = await clinic.upload(metadata=metadata_of(languages=wrong))
        assert answer.status_code == 400
        assert answer.json()["field"].startswith("languages")


async def test_the_same_recording_after_a_failure_is_the_same_session_tried_again(tmp_path):
    speech = MemorySpeech(failure=EngineFailed("model", transient=False))
    async with open_clinic(tmp_path, speech=speech) as clinic:
        first = (await clinic.upload()).json()["session_id"]
        await clinic.work()
        speech.failure = None
        assert (await clinic.upload()).json()["session_id"] == first
        await clinic.work()
        assert await state_of(clinic, first) == "awaiting_review"


async def test_scoring_that_fails_can_be_tried_again_too(tmp_path):
    class Broken(MemorySentiment):
        broken = True

        async def score(self, practice_id, texts, language):
            if self.broken:
                raise EngineFailed(transient=False)
            return await super().score(practice_id, texts, language)

    sentiment = Broken()
    async with open_clinic(tmp_path, sentiment=sentiment) as clinic:
        session_id = await clinic.closed()
        assert await state_of(clinic, session_id) == "failed"
        check_problem(await clinic.get(f"/sessions/{session_id}/details"), 404)
        sentiment.broken = False
        assert (await clinic.post(f"/sessions/{session_id}/retry")).status_code == 202
        await clinic.work()
        told = (await clinic.get(f"/sessions/{session_id}/details")).json()
        assert told["positive"] > 0


async def test_what_stands_out_is_shown_and_never_keeps_a_session_from_review(tmp_path):
    insights = MemoryInsightFinder()
    insights.down = {Part.SUMMARY}
    async with open_clinic(tmp_path, insights=insights) as clinic:
        session_id = await clinic.reviewable()
        found = (await clinic.get(f"/sessions/{session_id}")).json()["heard"]["insights"]
        assert "sister" in found["key_phrases"]
        assert found["personal_details"] == []
        assert found["summary_draft"] == ""
        (gap,) = found["gaps"]
        assert (gap["part"], gap["code"]) == ("summary", "engine_failed")
        assert gap["reason"].endswith(".")
        assert found["engine"] == "memory"

    class Broken(MemoryInsightFinder):
        broken = True

        async def find(self, practice_id, utterances, language):
            if self.broken:
                raise EngineFailed(transient=False)
            return await super().find(practice_id, utterances, language)

    insights = Broken()
    async with open_clinic(tmp_path / "broken", insights=insights) as clinic:
        session_id = await clinic.reviewable()
        told = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (told["state"], told["failure"]) == ("awaiting_review", None)
        assert (told["insights"], told["heard"]["insights"]) == ("failed", None)
        failure = told["insights_failure"]
        assert failure["code"] == "engine_failed"
        assert "transcript is complete" in failure["advice"]
        insights.broken = False
        retry = f"/sessions/{session_id}/retry"
        assert (await clinic.post(retry)).status_code == 202
        told = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (told["state"], told["insights"]) == ("awaiting_review", "pending")
        check_problem(await clinic.post(retry), 409, "not_failed")
        await clinic.work()
        told = (await clinic.get(f"/sessions/{session_id}")).json()
        assert (told["insights"], told["insights_failure"]) == ("ready", None)
        assert told["heard"]["insights"]["key_phrases"]


async def test_a_session_in_review_says_that_its_insights_are_pending(clinic):
    session_id = await clinic.session()
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert told["insights"] == "absent"
    awaited = replace(clinic.installation.worker, kinds=AWAITED_KINDS)
    await awaited.work_on(PRACTICE, session_id)
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (told["state"], told["insights"]) == ("awaiting_review", "pending")
    await clinic.work()
    assert (await clinic.get(f"/sessions/{session_id}")).json()["insights"] == "ready"


async def test_insights_stay_as_long_as_every_text_does(clinic):
    session_id = await clinic.reviewable()
    path = f"/data/transcript/{session_id}"
    lines = as_the_app((await clinic.get(path)).json()["transcript"])
    lines[0]["speaker"] = "Unknown"
    assert (await clinic.ask("PUT", path, json=lines)).status_code == 202
    heard = (await clinic.get(f"/sessions/{session_id}")).json()["heard"]
    assert heard["version"] == 2
    assert heard["insights"]["gaps"]


async def test_insights_go_where_a_text_was_corrected(clinic):
    session_id = await clinic.reviewable()
    path = f"/data/transcript/{session_id}"
    lines = as_the_app((await clinic.get(path)).json()["transcript"])
    lines[0]["text"] += " Tell me."
    assert (await clinic.ask("PUT", path, json=lines)).status_code == 202
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (told["insights"], told["heard"]["insights"]) == ("absent", None)
    assert (await clinic.post(f"/sessions/{session_id}/retry")).status_code == 202
    await clinic.work()
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (told["state"], told["insights"]) == ("closed", "ready")


async def test_details_are_corrected_until_the_session_is_submitted(clinic):
    session_id = await clinic.session()
    change = {
        "session_date": "05-04-2026",
        "summary": "Other words.",
        "general_notes": ["One"],
        "timed_notes": [{"timestamp": "00:01", "content": "Two"}],
    }
    answer = await clinic.ask("PATCH", f"/sessions/{session_id}", json=change)
    assert answer.status_code == 200
    told = answer.json()
    assert told["session_date"] == "2026-04-05"
    assert told["title"].endswith("05-04-2026")
    assert (told["summary"], told["general_notes"]) == ("Other words.", ["One"])
    await clinic.work()
    partial = await clinic.ask("PATCH", f"/sessions/{session_id}", json={"summary": None})
    assert (partial.json()["summary"], partial.json()["general_notes"]) == ("", ["One"])
    (item,) = (await clinic.get("/data/pending")).json()
    assert item["sessionDate"] == "05-04-2026"
    lines = (await clinic.get(f"/data/transcript/{session_id}")).json()["transcript"]
    await clinic.ask("PUT", f"/data/transcript/{session_id}", json=lines)
    late = await clinic.ask("PATCH", f"/sessions/{session_id}", json={"summary": "x"})
    check_problem(late, 409, "too_late_to_change")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"session_date": "31-02-2026"}, "session_date"),
        ({"patient": {"id": "", "name": "x"}}, "patient.id"),
        ({"patient": {"id": "1"}}, "patient.name"),
        ({"timed_notes": [{"timestamp": "x"}]}, "timed_notes[0].timestamp"),
    ],
)
async def test_a_bad_correction_names_the_field_and_changes_nothing(clinic, change, field):
    session_id = await clinic.session()
    before = (await clinic.get(f"/sessions/{session_id}")).json()
    answer = await clinic.ask("PATCH", f"/sessions/{session_id}", json=change | {"summary": "no"})
    check_problem(answer, 400, field=field)
    assert (await clinic.get(f"/sessions/{session_id}")).json() == before


async def test_corrections_at_the_same_moment_all_stay(clinic):
    session_id = await clinic.session()
    changes = [{"summary": "A."}, {"general_notes": ["B."]}, {"session_date": "06-06-2026"}]
    answers = await asyncio.gather(
        *(clinic.ask("PATCH", f"/sessions/{session_id}", json=change) for change in changes)
    )
    assert [each.status_code for each in answers] == [200] * 3
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert (told["summary"], told["general_notes"]) == ("A.", ["B."])
    assert told["session_date"] == "2026-06-06"


async def test_a_corrected_patient_is_linked_again_by_number_and_name(clinic):
    session_id = await clinic.session(patient=json.dumps({"id": "1", "name": "Typo"}))
    assert (await clinic.get(f"/sessions/{session_id}")).json()["patient"]["link"] == "no_account"
    for name, link in (("Someone Else", "unconfirmed"), ("jordan  white", "linked")):
        change = {"patient": {"id": JORDAN.number, "name": name}}
        told = (await clinic.ask("PATCH", f"/sessions/{session_id}", json=change)).json()
        assert told["patient"]["link"] == link


async def test_a_patient_reads_a_doubtful_session_only_once_the_therapist_confirmed_the_link(
    clinic,
):
    session_id = await clinic.closed(patient=json.dumps({"id": JORDAN.number, "name": "Typo"}))
    path = f"/sessions/{session_id}/details"
    check_problem(await clinic.get(path, JORDAN), 404)
    assert (await clinic.get("/sessions/me", JORDAN)).json() == []
    state = (await clinic.get(f"/sessions/{session_id}")).json()["patient"]
    assert (state["link"], state["account_name"]) == ("unconfirmed", "Jordan White")
    body = {"patient_id": JORDAN.number}
    check_problem(await clinic.post(f"/sessions/{session_id}/patient-link", JORDAN, json=body), 404)
    answer = await clinic.post(f"/sessions/{session_id}/patient-link", json=body)
    assert answer.status_code == 200
    assert answer.json()["patient"]["link"] == "linked"
    assert (await clinic.get(path, JORDAN)).status_code == 200
    assert [each["id"] for each in (await clinic.get("/sessions/me", JORDAN)).json()] == [
        session_id
    ]


async def test_a_link_to_the_wrong_patient_is_undone_at_once_and_the_right_one_sees_nothing_of_them(
    clinic,
):
    session_id = await clinic.closed()
    link, path = f"/sessions/{session_id}/patient-link", f"/sessions/{session_id}/details"
    await clinic.post(link, json={"patient_id": JAMIE.number})
    assert (await clinic.get(path, JAMIE)).status_code == 200
    for _ in range(2):
        assert (await clinic.ask("DELETE", link)).status_code == 204
        check_problem(await clinic.get(path, JAMIE), 404)
        assert (await clinic.get("/sessions/me", JAMIE)).json() == []
    told = (await clinic.get(f"/sessions/{session_id}")).json()
    assert told["patient"]["link"] == "unconfirmed"
    assert [each["code"] for each in told["hints"]] == ["patient_link_undone"]
    told = (await clinic.post(link, json={"patient_id": JORDAN.number})).json()
    assert (told["patient"]["link"], told["hints"]) == ("linked", [])
    read = (await clinic.get(path, JORDAN)).text + (await clinic.get("/sessions/me", JORDAN)).text
    assert session_id in read
    assert "jamie" not in read.lower()
    check_problem(await clinic.get(path, JAMIE), 404)


async def test_a_link_that_was_undone_while_it_is_reviewed_is_not_made_by_a_correction(clinic):
    session_id = await clinic.reviewable()
    link = f"/sessions/{session_id}/patient-link"
    assert (await clinic.ask("DELETE", link)).status_code == 204
    change = {"patient": {"id": JORDAN.number, "name": JORDAN.full_name}}
    told = (await clinic.ask("PATCH", f"/sessions/{session_id}", json=change)).json()
    assert told["patient"]["link"] == "unconfirmed"
    assert (await clinic.post(link, json={"patient_id": JORDAN.number})).status_code == 200


async def test_an_account_that_appears_later_sees_nothing_until_confirmed(clinic):
    session_id = await clinic.closed(patient=json.dumps({"id": "444555666", "name": "New One"}))
    new = account("p-new", Role.PATIENT, "New One", "new@example.org", number="444555666")
    await add_signed_in(new, records=clinic.records)
    check_problem(await clinic.get(f"/sessions/{session_id}/details", new), 404)
    body = {"patient_id": "444555666"}
    await clinic.post(f"/sessions/{session_id}/patient-link", json=body)
    assert (await clinic.get(f"/sessions/{session_id}/details", new)).status_code == 200


@pytest.mark.parametrize("number", ["000000000", "", OLIVIA.id, "x" * 200])
async def test_a_link_to_nobody_is_refused(clinic, number):
    session_id = await clinic.session()
    answer = await clinic.post(f"/sessions/{session_id}/patient-link", json={"patient_id": number})
    check_problem(answer, 400, "no_such_patient", "patient_id")


@pytest.mark.parametrize("worked", [False, True], ids=["waiting", "in review"])
async def test_a_cancelled_session_is_gone_with_all_it_had(clinic, worked):
    session_id = await clinic.session(summary="Not for long.")
    if worked:
        await clinic.work()
    assert (await clinic.ask("DELETE", f"/sessions/{session_id}")).status_code == 204
    assert left_behind(clinic.settings.data_dir) | {"sessions": []} == NOTHING
    for path in ("", "/details", "/recording"):
        check_problem(await clinic.get(f"/sessions/{session_id}{path}"), 404)
    check_problem(await clinic.get(f"/data/transcript/{session_id}"), 404)
    check_problem(await clinic.ask("DELETE", f"/sessions/{session_id}"), 404)
    assert (await clinic.get("/sessions")).json()["sessions"] == []
    await clinic.work()
    assert (await clinic.get("/data/pending")).json() == []
    stored = (clinic.settings.data_dir / "therapy.sqlite3").read_bytes()
    assert b"Not for long." not in stored


async def test_a_session_that_was_submitted_cannot_be_cancelled(clinic):
    session_id = await clinic.closed()
    check_problem(await clinic.ask("DELETE", f"/sessions/{session_id}"), 409, "too_late_to_change")
