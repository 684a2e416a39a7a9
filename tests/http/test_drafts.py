"""GET, PUT and DELETE /sessions/{id}/draft, and submitting a draft: submit, amendments, restore."""

import asyncio

import pytest

from tests.http.clinic import ALEX, JORDAN, as_the_app, check_problem, open_clinic
from tests.http.drafts import draft_of, having, lines_of, path_of, post, save


@pytest.fixture
async def session_id(clinic):
    return await clinic.reviewable()


async def in_force(clinic, session_id):
    return (await clinic.get(f"/sessions/{session_id}/transcript")).json()["version"]


# --- GET|PUT|DELETE /sessions/{id}/draft ----------------------------------------------------------


async def test_put_draft_keeps_the_lines_and_get_draft_shows_them_as_the_contract_says(
    clinic, session_id
):
    lines = await lines_of(clinic, session_id)
    lines[1]["text"] = "I slept well."
    saved = await save(clinic, session_id, lines=lines, reviewed_to_ms=3_000)
    assert saved.status_code == 200
    found = await clinic.get(path_of(session_id))
    assert found.headers["etag"] == saved.headers["etag"]
    told = found.json()
    assert told.keys() == {"base_version", "version_in_force", "lines", "reviewed_to_ms", "at"}
    assert (told["base_version"], told["version_in_force"], told["reviewed_to_ms"]) == (1, 1, 3_000)
    assert saved.json() == {name: value for name, value in told.items() if name != "lines"}
    assert [each["text"] for each in told["lines"]] == [each["text"] for each in lines]
    assert [each["edited"] for each in told["lines"]] == [False, True, False, False, False]
    assert told["lines"][0] == lines[0]
    assert len(told["lines"][0]["words"]) == 3
    again = await clinic.ask("PUT", path_of(session_id), json=told, headers=having(found))
    assert again.status_code == 200, "what GET shows can be sent back"
    assert (await draft_of(clinic, session_id))["lines"] == told["lines"]


async def test_get_draft_sends_nothing_that_is_known_already(clinic, session_id):
    first = await save(clinic, session_id)
    known = {"If-None-Match": first.headers["etag"]}
    answer = await clinic.get(path_of(session_id), headers=known)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == first.headers["etag"]
    await post(clinic, session_id, "/speakers", {"swap": True})
    assert (await clinic.get(path_of(session_id), headers=known)).status_code == 200


async def test_put_draft_without_a_condition_is_428_and_says_what_to_send(clinic, session_id):
    for headers in ({}, {"If-None-Match": '"x"'}):
        problem = check_problem(await save(clinic, session_id, headers), 428, "draft_condition")
        assert "If-None-Match: *" in problem["detail"]
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")


async def test_a_second_tab_gets_412_with_the_etag_and_what_changed_and_nothing_is_lost(
    clinic, session_id
):
    first = await save(clinic, session_id)
    lines = await lines_of(clinic, session_id)
    lines[2]["text"], lines[3]["speaker"] = "What helped?", "Unknown"
    second = await save(clinic, session_id, having(first), lines)
    answer = await save(clinic, session_id, having(first))
    problem = check_problem(answer, 412, "draft_changed")
    assert answer.headers["etag"] == problem["etag"] == second.headers["etag"]
    assert problem["changed_lines"] == [7_000, 9_500]
    assert problem["more_changed"] is False
    assert problem["changed_at"][:16] == second.json()["at"][:16]
    assert problem["version_in_force"] == 1
    assert (await draft_of(clinic, session_id))["lines"][2]["text"] == "What helped?"
    check_problem(await save(clinic, session_id), 412, "draft_changed")
    assert (await save(clinic, session_id, {"If-Match": problem["etag"]})).status_code == 200
    assert (await save(clinic, session_id, {"If-Match": "*"})).status_code == 200
    latest = (await clinic.get(path_of(session_id))).headers["etag"]
    weak = await save(clinic, session_id, {"If-Match": f"W/{latest}"}, lines)
    check_problem(weak, 412, "draft_changed")


async def test_of_tabs_that_begin_or_save_a_draft_at_once_one_is_taken_and_the_others_are_412(
    clinic, session_id
):
    lines = await lines_of(clinic, session_id)

    def saying(number):
        return [lines[0] | {"text": f"tab {number}"}, *lines[1:]]

    known = {"If-None-Match": "*"}
    for turn in (0, 10):
        tabs = [save(clinic, session_id, known, saying(turn + each)) for each in range(5)]
        answers = await asyncio.gather(*tabs)
        assert sorted(each.status_code for each in answers) == [200, 412, 412, 412, 412]
        (taken,) = (at for at, each in enumerate(answers) if each.status_code == 200)
        told = await draft_of(clinic, session_id)
        assert told["lines"][0]["text"] == f"tab {turn + taken}"
        known = having(answers[taken])


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        (lambda lines: lines.reverse(), "lines_out_of_order", "lines[1].start_ms"),
        (lambda lines: lines.insert(1, lines[0]), "equal_starts", "lines[1].start_ms"),
        (lambda lines: lines[1].update(end_ms=1), "ends_before_start", "lines[1].end_ms"),
        (lambda lines: lines[1].update(speaker="Chorus"), "invalid", "lines[1].speaker"),
        (lambda lines: lines[1].update(colour="red"), "unknown_field", "lines[1].colour"),
        (lambda lines: lines[1].pop("text"), "required", "lines[1].text"),
        (lambda lines: lines[1].update(start_ms=-1), "invalid", "lines[1].start_ms"),
    ],
    ids=["out of order", "equal starts", "end", "speaker", "unknown", "no text", "negative"],
)
async def test_bad_lines_are_named_and_the_draft_stays(clinic, session_id, change, code, field):
    first = await save(clinic, session_id)
    lines = await lines_of(clinic, session_id)
    change(lines)
    problem = check_problem(await save(clinic, session_id, having(first), lines), 400, code)
    assert problem["field"] == field
    kept = await clinic.get(path_of(session_id))
    assert kept.headers["etag"] == first.headers["etag"]


async def test_a_draft_of_20_001_lines_is_refused_and_one_of_20_000_is_not(clinic, session_id):
    lines = [{"start_ms": at, "speaker": "Patient", "text": ""} for at in range(20_001)]
    check_problem(await save(clinic, session_id, lines=lines), 400, "too_many_lines", "lines")
    assert (await save(clinic, session_id, lines=lines[1:])).status_code == 200
    assert len((await draft_of(clinic, session_id))["lines"]) == 20_000


async def test_a_draft_of_a_version_that_is_gone_is_refused_and_the_draft_stays(clinic, session_id):
    first = await save(clinic, session_id)
    problem = check_problem(
        await save(clinic, session_id, having(first), base_version=7), 400, "no_such_version"
    )
    assert (problem["field"], problem["number"]) == ("base_version", 7)
    assert "7" in problem["error"]
    assert (await draft_of(clinic, session_id))["base_version"] == 1


async def test_delete_draft_discards_it_and_a_tab_that_still_has_it_is_told(clinic, session_id):
    first = await save(clinic, session_id)
    other = await clinic.ask("DELETE", path_of(session_id), headers={"If-Match": '"other"'})
    check_problem(other, 412, "draft_changed")
    for _ in range(2):
        assert (await clinic.ask("DELETE", path_of(session_id))).status_code == 204
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")
    check_problem(await save(clinic, session_id, having(first)), 412, "draft_gone")
    assert (await save(clinic, session_id)).status_code == 200


async def test_a_draft_is_its_therapists_alone(clinic, session_id):
    await save(clinic, session_id)
    for person in (ALEX, JORDAN):
        check_problem(await clinic.get(path_of(session_id), person), 404, "not_found")


async def test_there_is_no_draft_before_the_transcript_nor_once_the_session_is_cancelled(clinic):
    session_id = await clinic.session()
    lines = [{"start_ms": 0, "speaker": "Patient", "text": "a"}]
    problem = check_problem(await save(clinic, session_id, lines=lines), 409, "draft_not_possible")
    assert problem["state"] == "awaiting_transcript"
    await clinic.work()
    await save(clinic, session_id)
    await clinic.ask("DELETE", f"/sessions/{session_id}")
    assert (await clinic.get(path_of(session_id))).status_code in {404, 409}


async def test_a_draft_that_the_app_overtook_can_be_read_says_so_and_can_be_taken_over(
    clinic, session_id
):
    lines = await lines_of(clinic, session_id)
    lines[1]["text"] = "I slept well."
    saved = await save(clinic, session_id, lines=lines)
    review = f"/data/transcript/{session_id}"
    sent = as_the_app((await clinic.get(review)).json()["transcript"])
    assert (await clinic.ask("PUT", review, json=sent)).status_code == 202
    told = await draft_of(clinic, session_id)
    assert (told["base_version"], told["version_in_force"]) == (1, 2)
    assert told["lines"][1]["text"] == "I slept well."
    problem = check_problem(
        await save(clinic, session_id, having(saved), lines), 409, "draft_not_possible"
    )
    assert problem["state"] == "closing"
    problem = check_problem(
        await clinic.post(f"/sessions/{session_id}/submit"), 412, "version_changed"
    )
    assert problem["version"] == 2
    await clinic.work()
    again = await save(clinic, session_id, having(saved), lines, base_version=2)
    assert again.json()["base_version"] == 2
    assert (await draft_of(clinic, session_id))["lines"][1]["text"] == "I slept well."


def told_by_a_person(line):
    return {name: line[name] for name in ("start_ms", "speaker", "text", "voice", "edited")}


async def test_a_draft_outlives_the_server_that_took_it(tmp_path):
    async with open_clinic(tmp_path) as clinic:
        session_id = await clinic.reviewable()
        lines = await lines_of(clinic, session_id)
        lines[1]["text"] = "I slept well."
        saved = await save(clinic, session_id, lines=lines, reviewed_to_ms=3_000)
    async with open_clinic(tmp_path) as clinic:
        found = await clinic.get(path_of(session_id))
        assert found.headers["etag"] == saved.headers["etag"]
        assert found.json()["lines"][1]["text"] == "I slept well."
        assert found.json()["reviewed_to_ms"] == 3_000


# --- POST /sessions/{id}/submit with an empty body ------------------------------------------------


async def test_submit_with_an_empty_body_submits_the_draft_which_is_over_then(clinic, session_id):
    await post(clinic, session_id, "/lines", {"split": {"start_ms": 0, "at_word": 2}})
    await post(clinic, session_id, "/replace", {"find": "sister", "replace_with": "brother"})
    drafted = (await draft_of(clinic, session_id))["lines"]
    wrong = await clinic.post(f"/sessions/{session_id}/submit", headers={"If-Match": '"7"'})
    check_problem(wrong, 412, "version_changed")
    for _ in range(2):  # the second as after a lost answer
        answer = await clinic.post(f"/sessions/{session_id}/submit")
        assert answer.status_code == 202, answer.text
        assert await in_force(clinic, session_id) == 2
        await clinic.work()
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")
    lines = await lines_of(clinic, session_id)
    assert [told_by_a_person(each) for each in lines] == [
        told_by_a_person(each) for each in drafted
    ]
    assert lines[0]["words"] == [["How", 0, 180, 0.9], ["did", 180, 300, 1.0]]
    assert [each["text"] for each in lines][:2] == ["How did", "you sleep this week?"]
    assert (await clinic.get(f"/sessions/{session_id}")).json()["state"] == "closed"


async def test_submit_of_a_draft_that_is_not_there_is_404_and_says_so(clinic, session_id):
    check_problem(await clinic.post(f"/sessions/{session_id}/submit"), 404, "no_draft")


async def test_submit_of_a_draft_without_a_line_or_with_an_empty_one_is_refused_and_it_stays(
    clinic, session_id
):
    lines = await lines_of(clinic, session_id)
    lines[3]["text"] = " "
    first = await save(clinic, session_id, lines=lines)
    submit = f"/sessions/{session_id}/submit"
    check_problem(await clinic.post(submit), 400, "required", "lines[3].text")
    await save(clinic, session_id, having(first), [])
    check_problem(await clinic.post(submit), 400, "empty_transcript")
    assert (await draft_of(clinic, session_id))["lines"] == []
    assert await in_force(clinic, session_id) == 1


# --- POST /sessions/{id}/amendments and /restore, of drafts ----------------------------------------


async def test_an_amendment_without_lines_submits_the_draft_which_is_over_then(clinic):
    session_id = await clinic.closed()
    amendments = f"/sessions/{session_id}/amendments"
    check_problem(await clinic.post(amendments, json={"reason": "misheard"}), 404, "no_draft")
    await post(clinic, session_id, "/replace", {"find": "sister", "replace_with": "brother"})
    check_problem(await clinic.post(amendments, json={"reason": " "}), 400, "required", "reason")
    for _ in range(2):  # the second as after a lost answer
        answer = await clinic.post(amendments, json={"reason": "misheard"})
        assert (answer.status_code, answer.json()) == (202, {"version": 3})
        await clinic.work()
    version = (await clinic.get(f"/sessions/{session_id}/versions")).json()["items"][2]
    assert (version["source"], version["reason"]) == ("amend", "misheard")
    assert (version["parent"], version["in_force"]) == (2, True)
    assert "brother" in (await lines_of(clinic, session_id))[3]["text"]
    check_problem(await clinic.get(path_of(session_id)), 404, "no_draft")


async def test_an_amendment_of_a_draft_of_an_older_version_is_412_and_the_draft_stays(clinic):
    session_id = await clinic.closed()
    await post(clinic, session_id, "/replace", {"find": "sister", "replace_with": "brother"})
    lines = await lines_of(clinic, session_id)
    body = {"reason": "shorter", "lines": lines[:2]}
    amendments = f"/sessions/{session_id}/amendments"
    assert (
        await clinic.post(amendments, json=body, headers={"If-Match": '"2"'})
    ).status_code == 202
    await clinic.work()
    answer = await clinic.post(amendments, json={"reason": "misheard"})
    assert check_problem(answer, 412, "version_changed")["version"] == 3
    told = await draft_of(clinic, session_id)
    assert (told["base_version"], told["version_in_force"], len(told["lines"])) == (2, 3, 5)


async def test_a_version_that_is_restored_before_closing_becomes_the_draft(clinic, session_id):
    machine = await lines_of(clinic, session_id)
    restore, body = f"/sessions/{session_id}/restore", {"version": 1}
    for _ in range(2):  # the second as after a lost answer
        answer = await clinic.post(restore, json=body)
        assert (answer.status_code, answer.json()) == (202, {"version": None})
    assert (await draft_of(clinic, session_id))["lines"] == machine
    edited = await post(clinic, session_id, "/speakers", {"swap": True})
    check_problem(await clinic.post(restore, json=body), 412, "draft_changed")
    check_problem(
        await clinic.post(restore, json=body, headers={"If-Match": '"7"'}), 412, "version_changed"
    )
    assert (await draft_of(clinic, session_id)) == edited.json()
    answer = await clinic.post(restore, json=body, headers=having(edited))
    assert answer.status_code == 202
    assert (await draft_of(clinic, session_id))["lines"] == machine
    check_problem(await clinic.post(restore, json={"version": 2}), 404, "version_not_found")
