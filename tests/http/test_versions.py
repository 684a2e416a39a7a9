"""Versions of a transcript, and POST /sessions/{id}/submit: numbers are honest ETags, and edits survive."""

import asyncio
from typing import Any

import pytest
from httpx import Response

from tests.builders import PRACTICE, a_version
from tests.http.clinic import ALEX, OLIVIA, Clinic, as_the_app, check_problem
from therapy.entrypoints.http.edited_transcript import LATEST_MS
from therapy.repositories.change import Change

IN_FORCE = {"If-Match": '"1"'}


async def lines_of(clinic: Clinic, session_id: str) -> list[dict[str, Any]]:
    """Return the lines of the version in force, as they are shown."""
    answer = await clinic.get(f"/sessions/{session_id}/transcript")
    return list(answer.json()["lines"])


async def saying(clinic: Clinic, session_id: str, text: str) -> list[dict[str, Any]]:
    """Return the lines with another text in the second one."""
    lines = await lines_of(clinic, session_id)
    lines[1]["text"] = text
    return lines


async def submit(clinic: Clinic, session_id: str, lines: object, tag: str = '"1"') -> Response:
    path, headers = f"/sessions/{session_id}/submit", {"If-Match": tag}
    return await clinic.post(path, json={"lines": lines}, headers=headers)


async def versions_of(clinic: Clinic, session_id: str, **params: Any) -> dict[str, Any]:
    answer = await clinic.get(f"/sessions/{session_id}/versions", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_submission_is_a_version_with_its_author_and_time(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    lines = await saying(clinic, session_id, "I slept well.")
    assert (await submit(clinic, session_id, lines)).status_code == 202
    listed = await versions_of(clinic, session_id)
    assert listed["next"] is None
    machine, edit = listed["items"]
    assert machine | {"at": "", "engine": ""} == {
        "number": 1,
        "parent": 0,
        "source": "machine",
        "at": "",
        "author": None,
        "engine": "",
        "reason": "",
        "lines": 5,
        "in_force": False,
    }
    told = {name: edit[name] for name in ("number", "parent", "source", "author", "in_force")}
    assert told == {
        "number": 2,
        "parent": 1,
        "source": "edit",
        "author": OLIVIA.id,
        "in_force": True,
    }
    assert edit["at"] >= machine["at"]


async def test_versions_come_page_by_page(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    first = await versions_of(clinic, session_id, limit=1)
    assert ([each["number"] for each in first["items"]], first["next"]) == ([1], "1")
    second = await versions_of(clinic, session_id, limit=1, after=first["next"])
    assert ([each["number"] for each in second["items"]], second["next"]) == ([2], None)
    assert await versions_of(clinic, session_id, after="999999") == {"items": [], "next": None}


async def test_the_longest_page_is_followed_by_the_rest(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    for begin in range(2, 503, 40):
        change = Change()
        for number in range(begin, min(begin + 40, 503)):
            version = a_version(number, "Mm.", session_id=session_id)
            change.add(*await clinic.records.transcripts.new(PRACTICE, version))
        await change.commit(clinic.records.store)
    first = await versions_of(clinic, session_id, limit=500)
    assert [each["number"] for each in first["items"]] == list(range(1, 501))
    assert first["next"] == "500"
    rest = await versions_of(clinic, session_id, limit=500, after=first["next"])
    assert ([each["number"] for each in rest["items"]], rest["next"]) == ([501, 502], None)


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 501}, {"after": "x"}, {"after": "-1"}])
async def test_what_is_no_page_of_versions_is_refused(
    clinic: Clinic, params: dict[str, Any]
) -> None:
    session_id = await clinic.reviewable()
    answer = await clinic.get(f"/sessions/{session_id}/versions", params=params)
    check_problem(answer, 400, "invalid", field=next(iter(params)))


async def test_a_version_can_be_read_for_ever_and_never_changes(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    path = f"/sessions/{session_id}/versions/1"
    before = await clinic.get(path)
    assert before.headers["etag"] == '"1"'
    assert before.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert before.headers["vary"] == "Authorization"
    await submit(clinic, session_id, await saying(clinic, session_id, "Something else."))
    await clinic.work()
    assert (await clinic.get(path)).content == before.content
    known = await clinic.get(path, headers={"If-None-Match": '"1"'})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize("number", ["0", "2", "-1", "1" + "0" * 30, "one"])
async def test_a_version_that_is_not_there_is_not_found(clinic: Clinic, number: str) -> None:
    session_id = await clinic.reviewable()
    for headers in ({}, {"If-None-Match": f'"{number}"'}):
        answer = await clinic.get(f"/sessions/{session_id}/versions/{number}", headers=headers)
        code = "not_found" if number == "one" else "version_not_found"
        check_problem(answer, 404, code)


async def test_before_there_is_a_transcript_there_are_no_versions(clinic: Clinic) -> None:
    session_id = await clinic.session()
    for path in ("versions", "versions/1"):
        answer = await clinic.get(f"/sessions/{session_id}/{path}")
        check_problem(answer, 409, "no_transcript")


async def test_submitted_lines_close_the_session_with_them(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    lines = await saying(clinic, session_id, "I slept well.")
    lines[2] |= {"speaker": "Unknown", "end_ms": 8_500}
    del lines[4]
    lines.append({"start_ms": 20_000, "speaker": "Patient", "text": " Bye. "})
    assert (await submit(clinic, session_id, lines)).status_code == 202
    await clinic.work()
    assert (await clinic.get(f"/sessions/{session_id}")).json()["state"] == "closed"
    after = await lines_of(clinic, session_id)
    assert [each["text"] for each in after] == [each["text"].strip() for each in lines]
    assert (after[2]["speaker"], after[2]["end_ms"]) == ("Unknown", 8_500)
    assert [each["edited"] for each in after] == [False, True, True, False, True]
    assert after[0]["words"] == lines[0]["words"]


async def test_a_submission_of_a_stale_version_changes_nothing_and_says_what_changed(
    clinic: Clinic,
) -> None:
    session_id = await clinic.reviewable()
    mine = await saying(clinic, session_id, "Mine.")
    theirs = as_the_app((await clinic.get(f"/data/transcript/{session_id}")).json()["transcript"])
    path = f"/data/transcript/{session_id}"
    assert (await clinic.ask("PUT", path, json=theirs)).status_code == 202
    answer = await submit(clinic, session_id, mine)
    at = (await versions_of(clinic, session_id))["items"][1]["at"]
    changed = check_problem(answer, 412, "version_changed")
    told = {name: changed[name] for name in ("version", "author", "source")}
    assert told == {"version": 2, "author": OLIVIA.id, "source": "edit"}
    assert changed["at"][:19] == at[:19]
    assert answer.headers["etag"] == '"2"'
    assert (await versions_of(clinic, session_id))["items"][2:] == []


@pytest.mark.parametrize("tag", ['"2"', 'W/"1"', "1", "", '"one"', '"0", "7"'])
async def test_what_does_not_name_the_version_in_force_is_a_failed_precondition(
    clinic: Clinic, tag: str
) -> None:
    session_id = await clinic.reviewable()
    lines = await saying(clinic, session_id, "x")
    answer = await submit(clinic, session_id, lines, tag)
    assert check_problem(answer, 412, "version_changed")["version"] == 1


@pytest.mark.parametrize("tag", ['"1"', '"7", "1"', "*"])
async def test_what_names_the_version_in_force_is_taken(clinic: Clinic, tag: str) -> None:
    session_id = await clinic.reviewable()
    lines = await saying(clinic, session_id, "x")
    assert (await submit(clinic, session_id, lines, tag)).status_code == 202


async def test_a_submission_says_of_which_version_it_is_but_the_app_need_not(
    clinic: Clinic,
) -> None:
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    answer = await clinic.post(f"/sessions/{session_id}/submit", json={"lines": lines})
    check_problem(answer, 428, "precondition_required")
    path = f"/data/transcript/{session_id}"
    sent = as_the_app((await clinic.get(path)).json()["transcript"])
    stale = await clinic.ask("PUT", path, json=sent, headers={"If-Match": '"7"'})
    assert check_problem(stale, 412, "version_changed")["version"] == 1
    assert (await clinic.ask("PUT", path, json=sent)).status_code == 202


LINE = {"start_ms": 0, "speaker": "Patient", "text": "a"}
BAD_LINES: dict[str, tuple[object, str, str]] = {
    "equal starts": ([LINE, LINE], "equal_starts", "lines[1].start_ms"),
    "out of order": (
        [LINE | {"start_ms": 9}, LINE | {"start_ms": 8}],
        "lines_out_of_order",
        "lines[1].start_ms",
    ),
    "an end before the start": (
        [LINE | {"start_ms": 9, "end_ms": 8}],
        "ends_before_start",
        "lines[0].end_ms",
    ),
    "20,001 lines": (
        [LINE | {"start_ms": at} for at in range(20_001)],
        "too_many_lines",
        "lines",
    ),
    "no text": ([LINE, LINE | {"start_ms": 9, "text": " "}], "required", "lines[1].text"),
    "a field that is not known": ([LINE, LINE | {"mood": 1}], "unknown_field", "lines[1].mood"),
    "no start": ([{"speaker": "Patient", "text": "a"}], "required", "lines[0].start_ms"),
    "a negative start": ([LINE | {"start_ms": -1}], "invalid", "lines[0].start_ms"),
    "a start too late": ([LINE | {"start_ms": LATEST_MS + 1}], "invalid", "lines[0].start_ms"),
    "a speaker of another name": ([LINE | {"speaker": "X"}], "invalid", "lines[0].speaker"),
    "no lines": ([], "empty_transcript", "lines"),
    "no list": ("a", "invalid", "lines"),
}


@pytest.mark.parametrize(("lines", "code", "field"), BAD_LINES.values(), ids=BAD_LINES)
async def test_bad_lines_are_refused_by_name_and_nothing_is_lost(
    clinic: Clinic, lines: object, code: str, field: str
) -> None:
    session_id = await clinic.reviewable()
    check_problem(await submit(clinic, session_id, lines), 400, code, field=field)
    assert len((await versions_of(clinic, session_id))["items"]) == 1


async def test_twenty_thousand_lines_are_taken(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    lines = [LINE | {"start_ms": at} for at in range(20_000)]
    assert (await submit(clinic, session_id, lines)).status_code == 202
    assert (await versions_of(clinic, session_id))["items"][1]["lines"] == 20_000


async def test_of_different_submissions_at_one_moment_one_wins_whole(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    sent = [await saying(clinic, session_id, f"Number {number}.") for number in range(30)]
    answers = await asyncio.gather(*(submit(clinic, session_id, each) for each in sent))
    statuses = [each.status_code for each in answers]
    assert sorted(statuses) == [202, *[412] * 29]
    won = sent[statuses.index(202)]
    after = await lines_of(clinic, session_id)
    assert [each["text"] for each in after] == [each["text"] for each in won]
    assert [each["number"] for each in (await versions_of(clinic, session_id))["items"]] == [1, 2]


async def test_equal_submissions_at_one_moment_are_all_taken_as_one_version(
    clinic: Clinic,
) -> None:
    session_id = await clinic.reviewable()
    lines = await saying(clinic, session_id, "The same.")
    answers = await asyncio.gather(*(submit(clinic, session_id, lines) for _ in range(30)))
    assert {each.status_code for each in answers} == {202}
    await clinic.work()
    again = await submit(clinic, session_id, lines)
    assert again.status_code == 202
    assert [each["number"] for each in (await versions_of(clinic, session_id))["items"]] == [1, 2]


async def test_a_colleague_can_neither_read_nor_submit(clinic: Clinic) -> None:
    session_id = await clinic.reviewable()
    lines = await lines_of(clinic, session_id)
    for path in ("versions", "versions/1"):
        check_problem(await clinic.get(f"/sessions/{session_id}/{path}", ALEX), 404, "not_found")
    answer = await clinic.post(
        f"/sessions/{session_id}/submit", ALEX, json={"lines": lines}, headers=IN_FORCE
    )
    check_problem(answer, 404, "not_found")
