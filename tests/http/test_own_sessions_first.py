"""Requests about what is not there, or not the caller's: what is said of it, and in which order."""

from typing import Any

import pytest

from tests.http import tus
from tests.http.clinic import ALEX, OLIVIA, Clinic, check_problem, metadata_of
from tests.http.test_amendments import amend, restore
from tests.http.test_versions import saying, submit
from therapy.domain.field_advice import FIELD_ADVICE
from therapy.domain.find_and_replace import MOST_FIND
from therapy.domain.messages import advice
from therapy.entrypoints.http.edited_transcript import LATEST_MS
from therapy.entrypoints.http.problem_answers import ANY_FIELD, CODES

BAD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a draft without a condition": ("PUT", "/draft", {"json": {"base_version": 1, "lines": []}}),
    "a draft that is none": ("PUT", "/draft", {"json": 7, "headers": {"If-None-Match": "*"}}),
    "speakers": ("POST", "/draft/speakers", {"json": {}}),
    "speakers that are none": ("POST", "/draft/speakers", {"json": {"speaker": "X"}}),
    "lines": ("POST", "/draft/lines", {"json": {}}),
    "replace": ("POST", "/draft/replace", {"json": {"find": ""}}),
    "submit without a condition": ("POST", "/submit", {"json": {"lines": []}}),
    "submit": ("POST", "/submit", {"json": {}, "headers": {"If-Match": '"1"'}}),
    "amendments": ("POST", "/amendments", {"json": {}}),
    "restore": ("POST", "/restore", {"json": {"version": "x"}}),
    "rerun": ("POST", "/rerun", {"json": {"engine": "none"}}),
    "retry": ("POST", "/retry", {"json": {"people": 70}}),
    "details": ("PATCH", "", {"json": {"summary": 7}}),
    "patient-link": ("POST", "/patient-link", {"json": {}}),
}
"""Requests with which something is wrong."""


@pytest.mark.parametrize(("method", "path", "more"), BAD.values(), ids=BAD)
async def test_a_session_that_is_not_the_callers_is_404_whatever_else_is_wrong(
    clinic: Clinic, method: str, path: str, more: dict[str, Any]
) -> None:
    session_id = await clinic.reviewable()
    told = await clinic.ask(method, f"/sessions/{session_id}{path}", OLIVIA, **more)
    assert told.status_code in {400, 428}, told.text
    for whose in (session_id, "absent"):
        answer = await clinic.ask(method, f"/sessions/{whose}{path}", ALEX, **more)
        assert "last" not in check_problem(answer, 404, "not_found")


async def test_of_a_version_that_there_is_not_it_is_said_which_there_are(clinic: Clinic) -> None:
    session_id = await clinic.closed()
    versions = f"/sessions/{session_id}/versions"
    for answer in (
        await clinic.get(f"{versions}/7"),
        await clinic.get(f"{versions}/7/diff?to=1"),
        await clinic.get(f"{versions}/1/diff?to=7"),
        await restore(clinic, session_id, 7),
    ):
        problem = check_problem(answer, 404, "version_not_found")
        assert problem["last"] == 2
        assert "1 to 2" in problem["error"]
    for whose in ("absent", session_id):
        answer = await clinic.get(f"/sessions/{whose}/versions/7", ALEX)
        assert "last" not in check_problem(answer, 404, "not_found")


async def test_a_recording_that_continues_no_session_of_the_callers_says_so_by_tus_too(
    clinic: Clinic,
) -> None:
    session_id = await clinic.reviewable()
    for whose, person in (("absent", OLIVIA), (session_id, ALEX)):
        said = tus.said(metadata_of(continues=whose, therapist=None))
        answer = await tus.create(clinic, 9, headers=said, person=person)
        check_problem(answer, 404, "no_session_to_continue")


async def test_an_edit_without_lines_names_the_field_and_advises_what_can_be_done(
    clinic: Clinic,
) -> None:
    session_id = await clinic.reviewable()
    check_problem(await submit(clinic, session_id, []), 400, "empty_transcript", "lines")
    await submit(clinic, session_id, await saying(clinic, session_id, "I slept well."))
    await clinic.work()
    problem = check_problem(await amend(clinic, session_id, []), 400, "empty_transcript", "lines")
    assert "Only a session that awaits review can be cancelled" in problem["detail"]


@pytest.mark.parametrize("path", ["/sessions", "/sessions/{}/versions", "/uploads"])
async def test_a_parameter_that_nobody_reads_is_refused_by_name(clinic: Clinic, path: str) -> None:
    path = path.format(await clinic.reviewable())
    assert (await clinic.get(path, params={"limit": 7})).status_code == 200
    answer = await clinic.get(path, params={"limt": 7})
    check_problem(answer, 400, "unknown_parameter", "limt")


async def test_what_the_app_sends_besides_is_ignored(clinic: Clinic) -> None:
    for path in ("/sessions/me", "/data/pending", "/profiles/me"):
        assert (await clinic.get(path, params={"limt": 7})).status_code == 200


@pytest.mark.parametrize("language", ["en", "he"])
def test_every_code_of_an_answer_says_what_to_do(language: str) -> None:
    for code, (_, details) in CODES.items():
        field = details.get("field", "a_field" if code in ANY_FIELD else "")
        assert advice(code, language, str(field)), code


def test_the_bounds_of_a_field_are_in_its_advice() -> None:
    for field in ("find", "replace_with"):
        assert f" {MOST_FIND} " in advice("invalid", "en", field)
    assert "1,000" in advice("invalid", "he", "reason")
    for field in ("split.start_ms", "lines[3].start_ms", "lines[3].end_ms"):
        assert f"{LATEST_MS:,}" in advice("invalid", "en", field)
    assert advice("invalid", "en", "timed_notes[0].content") == FIELD_ADVICE["timed_notes"][0]
